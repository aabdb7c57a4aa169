//! Where the nodes of a graph stand: who needs is left of who is needed, and lines cross seldom.

use std::collections::BTreeMap;

use crate::report::anatomy::Edge;

/// How often columns are put in order by their neighbours.
const SWEEPS: usize = 6;

/// For each node its column and its row, both from 0.
pub(super) fn places(nodes: usize, edges: &[Edge]) -> Vec<(usize, usize)> {
    let columns = columns(nodes, edges);
    let mut by_column: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (node, column) in columns.iter().enumerate() {
        by_column.entry(*column).or_default().push(node);
    }
    let mut rows: Vec<usize> = vec![0; nodes];
    for column in by_column.values() {
        column.iter().enumerate().for_each(|(row, node)| rows[*node] = row);
    }
    for sweep in 0..SWEEPS {
        let mut order: Vec<usize> = by_column.keys().copied().collect();
        if sweep % 2 == 1 {
            order.reverse();
        }
        for column in order {
            if let Some(members) = by_column.get_mut(&column) {
                members.sort_by_key(|node| (middle(*node, edges, &rows), *node));
                members.iter().enumerate().for_each(|(row, node)| rows[*node] = row);
            }
        }
    }
    columns.into_iter().zip(rows).collect()
}

/// Where the neighbours of a node are on average, in thousandths of a row.
fn middle(node: usize, edges: &[Edge], rows: &[usize]) -> usize {
    let near = edges.iter().filter_map(|edge| match (edge.from == node, edge.to == node) {
        (true, false) => rows.get(edge.to),
        (false, true) => rows.get(edge.from),
        _ => None,
    });
    let (sum, count) = near.fold((0, 0), |(sum, count), row| (sum + row * 1000, count + 1));
    sum.checked_div(count).unwrap_or_else(|| rows.get(node).map_or(0, |row| row * 1000))
}

/// The longest way to a node from one that nobody needs. Edges that close a circle do not count.
fn columns(nodes: usize, edges: &[Edge]) -> Vec<usize> {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); nodes];
    let mut needed = vec![false; nodes];
    for edge in edges.iter().filter(|edge| edge.from < nodes && edge.to < nodes && edge.from != edge.to) {
        after[edge.from].push(edge.to);
        needed[edge.to] = true;
    }
    let roots = (0..nodes).filter(|node| !needed[*node]).chain(0..nodes);
    let mut state = vec![State::New; nodes];
    // Every node after all that it needs.
    let mut order = Vec::with_capacity(nodes);
    for root in roots {
        visit(root, &mut after, &mut state, &mut order);
    }
    let mut columns = vec![0; nodes];
    for node in order.iter().rev() {
        for to in &after[*node] {
            columns[*to] = columns[*to].max(columns[*node] + 1);
        }
    }
    columns
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

/// Depth first without recursion; takes out the edges that lead back.
fn visit(root: usize, after: &mut [Vec<usize>], state: &mut [State], order: &mut Vec<usize>) {
    let mut stack = vec![(root, 0)];
    while let Some((node, next)) = stack.pop() {
        if next == 0 {
            if state[node] != State::New {
                continue;
            }
            state[node] = State::Open;
        }
        match after[node].get(next).copied() {
            Some(to) if state[to] == State::Open => {
                after[node].remove(next);
                // Not as a new visit: that is for nodes not seen yet.
                if next == 0 {
                    state[node] = State::New;
                }
                stack.push((node, next));
            }
            Some(to) => {
                stack.push((node, next + 1));
                stack.push((to, 0));
            }
            None => {
                state[node] = State::Done;
                order.push(node);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(pairs: &[(usize, usize)]) -> Vec<Edge> {
        pairs
            .iter()
            .map(|(from, to)| Edge { from: *from, to: *to, broken: false, label: String::new() })
            .collect()
    }

    #[test]
    fn who_needs_is_left_of_who_is_needed() {
        let places = places(4, &edges(&[(0, 1), (1, 2), (0, 2), (3, 2)]));
        let columns: Vec<usize> = places.iter().map(|(column, _)| *column).collect();
        assert_eq!(columns, [0, 1, 2, 0]);
        let mut all = places.clone();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 4, "two nodes stand on each other");
    }

    #[test]
    fn circles_and_selves_end() {
        for pairs in [[(0, 0)].as_slice(), &[(0, 1), (1, 0)], &[(0, 1), (1, 2), (2, 0), (2, 1)], &[]] {
            assert_eq!(places(3, &edges(pairs)).len(), 3);
        }
        let ring: Vec<(usize, usize)> = (0..200).map(|node| (node, (node + 1) % 200)).collect();
        assert_eq!(places(200, &edges(&ring)).iter().map(|(column, _)| column).max(), Some(&199));
    }

    #[test]
    fn lines_that_need_not_cross_do_not() {
        let places = places(4, &edges(&[(0, 3), (1, 2)]));
        assert_eq!(places[0].1 < places[1].1, places[3].1 < places[2].1);
    }
}
