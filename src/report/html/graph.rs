//! Who needs whom, with what is broken in red, as a picture and as a list.

use std::collections::BTreeMap;

use super::layout::places;
use crate::report::anatomy::Edge;
use crate::report::anatomy::Graph;
use crate::report::anatomy::Node;
use crate::report::escape::line;
use crate::report::escape::markup;

const WIDTH: usize = 230;
const HEIGHT: usize = 24;
const COLUMN: usize = 330;
const ROW: usize = 34;
const MARGIN: usize = 14;
/// Most letters of a node's label.
const LETTERS: usize = 34;
/// A sound file that more than this many need, as libc is, tells nothing and hides the rest.
const HUB: usize = 12;

/// The figure with its list. `report` tells the figures of a page apart.
pub(super) fn figure(graph: &Graph, anchors: &BTreeMap<&str, String>, report: usize) -> String {
    let hidden = hubs(graph);
    let edges: Vec<Edge> = graph.edges.iter().filter(|edge| !hidden.contains(&edge.to)).cloned().collect();
    let shown: Vec<usize> = (0..graph.nodes.len()).filter(|node| !hidden.contains(node)).collect();
    let number: BTreeMap<usize, usize> = shown.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    let renumbered = edges.iter().filter_map(|edge| {
        Some(Edge { from: *number.get(&edge.from)?, to: *number.get(&edge.to)?, ..edge.clone() })
    });
    let edges: Vec<Edge> = renumbered.collect();
    let nodes: Vec<&Node> = shown.iter().filter_map(|node| graph.nodes.get(*node)).collect();
    let places = places(nodes.len(), &edges);
    let width = places.iter().map(|(column, _)| column * COLUMN + WIDTH + 2 * MARGIN).max().unwrap_or(0);
    let height = places.iter().map(|(_, row)| row * ROW + HEIGHT + 2 * MARGIN).max().unwrap_or(0);
    let broken = edges.iter().filter(|edge| edge.broken).count();
    let mut picture = String::new();
    // What is broken lies on top.
    for wanted in [false, true] {
        for edge in edges.iter().filter(|edge| edge.broken == wanted) {
            picture.push_str(&draw_edge(edge, &nodes, &places, report));
        }
    }
    for (node, place) in nodes.iter().zip(&places) {
        picture.push_str(&draw_node(node, *place, anchors));
    }
    let what = format!("{} files and names, {} needs, {broken} of them broken", nodes.len(), edges.len());
    let (left, hubs) = (left_out(graph), hub_names(graph, &hidden));
    format!(
        "<section aria-label=\"Who needs whom\"><h2>Who needs whom</h2><figure>\
         <div class=\"scroll tall\" tabindex=\"0\" role=\"region\" aria-label=\"Graph\">\
         <svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"group\" aria-label=\"{what}\">\n\
         <defs><marker id=\"tip{report}\" class=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker>\
         <marker id=\"broken{report}\" class=\"tip broken\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"5\" markerHeight=\"5\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\"/></marker></defs>\n\
         {picture}</svg></div><figcaption>{what} (dashed red). Only files with errors or warnings and their \
         neighbours.{left}{hubs}</figcaption></figure>\n{}</section>\n",
        list(&edges, &nodes)
    )
}

fn hubs(graph: &Graph) -> Vec<usize> {
    let needed = |node: usize| graph.edges.iter().filter(|edge| edge.to == node).count();
    let broken = |node: usize| graph.edges.iter().any(|edge| edge.to == node && edge.broken);
    let sound = graph.nodes.iter().enumerate().filter(|(_, node)| node.worst.is_none() && !node.absent);
    sound.map(|(node, _)| node).filter(|node| needed(*node) > HUB && !broken(*node)).collect()
}

fn left_out(graph: &Graph) -> String {
    match graph.left_out {
        0 => String::new(),
        n => format!(" {n} more files with findings have no room here."),
    }
}

fn hub_names(graph: &Graph, hidden: &[usize]) -> String {
    let names: Vec<&str> =
        hidden.iter().filter_map(|node| graph.nodes.get(*node)).map(|node| node.name.as_str()).collect();
    if names.is_empty() {
        return String::new();
    }
    format!(" Not shown, as nearly all need them: {}.", markup(&line(&names.join(", "))))
}

fn draw_node(node: &Node, (column, row): (usize, usize), anchors: &BTreeMap<&str, String>) -> String {
    let (x, y) = (MARGIN + column * COLUMN, MARGIN + row * ROW);
    let name = line(&node.name);
    let last = name.rsplit('/').next().filter(|last| !last.is_empty() && !node.absent).unwrap_or(&name);
    let short: String = if last.chars().count() > LETTERS {
        let tail = last.chars().count() - LETTERS / 2 + 1;
        last.chars().take(LETTERS / 2).chain(['…']).chain(last.chars().skip(tail)).collect()
    } else {
        last.to_owned()
    };
    let (state, said) = match (node.absent, node.worst) {
        (true, _) => ("absent".to_owned(), "is nowhere".to_owned()),
        (false, Some(worst)) => {
            (worst.to_string(), format!("has an {worst}").replace("an w", "a w").replace("an n", "a n"))
        }
        (false, None) => ("sound".to_owned(), "no error or warning".to_owned()),
    };
    let text = format!(
        "<g><title>{}: {said}</title><rect class=\"node {state}\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"5\"/>\
         <text class=\"mono\" x=\"{}\" y=\"{}\">{}</text></g>",
        markup(&name),
        x + 7,
        y + 16,
        markup(&short)
    );
    match anchors.get(node.name.as_str()) {
        Some(anchor) => format!("<a href=\"#{anchor}\">{text}</a>\n"),
        None => format!("{text}\n"),
    }
}

fn draw_edge(edge: &Edge, nodes: &[&Node], places: &[(usize, usize)], report: usize) -> String {
    let (Some(from), Some(to)) = (places.get(edge.from), places.get(edge.to)) else {
        return String::new();
    };
    let middle = |row: usize| MARGIN + row * ROW + HEIGHT / 2;
    let (x1, y1) = (MARGIN + from.0 * COLUMN + WIDTH, middle(from.1));
    let (y2, forward) = (middle(to.1), to.0 > from.0);
    // What leads back, or stays, goes around on the right.
    let x2 = MARGIN + to.0 * COLUMN + if forward { 0 } else { WIDTH };
    let bend = if forward { (x2 - x1) / 2 } else { 50 };
    let (c1, c2) = (x1 + bend, if forward { x2 - bend } else { x2 + bend });
    let (class, tip) = if edge.broken { (" broken", "broken") } else { ("", "tip") };
    let name = |node: usize| nodes.get(node).map(|node| line(&node.name)).unwrap_or_default();
    format!(
        "<path class=\"edge{class}\" marker-end=\"url(#{tip}{report})\" d=\"M{x1} {y1}C{c1} {y1} {c2} {y2} {x2} {y2}\">\
         <title>{} → {}: {}</title></path>\n",
        markup(&name(edge.from)),
        markup(&name(edge.to)),
        markup(&line(&edge.label))
    )
}

/// The broken ones in words: a picture alone is for those who see.
fn list(edges: &[Edge], nodes: &[&Node]) -> String {
    let name = |node: usize| nodes.get(node).map(|node| markup(&line(&node.name))).unwrap_or_default();
    let broken: Vec<String> = edges
        .iter()
        .filter(|edge| edge.broken)
        .map(|edge| {
            let (from, to) = (name(edge.from), name(edge.to));
            format!("<li><code>{from}</code> → <code>{to}</code>: {}</li>", markup(&line(&edge.label)))
        })
        .collect();
    if broken.is_empty() {
        return String::new();
    }
    format!("<details><summary>The broken ones as a list</summary><ul>{}</ul></details>\n", broken.concat())
}
