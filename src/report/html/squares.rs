//! A treemap's rectangles: areas in proportion to weights, as square as can be (Bruls, Huizing and van Wijk,
//! "Squarified treemaps", 2000).

/// A rectangle in the units of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Square {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) w: f64,
    pub(super) h: f64,
}

impl Square {
    /// The rectangle with a margin of `by`, and `top` more above; empty when it is too small for them.
    pub(super) fn inside(self, by: f64, top: f64) -> Self {
        let (w, h) = ((self.w - 2.0 * by).max(0.0), (self.h - 2.0 * by - top).max(0.0));
        Self { x: self.x + by, y: self.y + by + top, w, h }
    }
}

/// A rectangle for each weight, in the weights' order. They must be sorted, largest first.
pub(super) fn squares(weights: &[u64], area: Square) -> Vec<Square> {
    let total: f64 = weights.iter().map(|weight| *weight as f64).sum();
    if total <= 0.0 || area.w <= 0.0 || area.h <= 0.0 {
        return vec![Square { w: 0.0, h: 0.0, ..area }; weights.len()];
    }
    let scale = area.w * area.h / total;
    let sizes: Vec<f64> = weights.iter().map(|weight| *weight as f64 * scale).collect();
    let mut free = area;
    let mut placed = Vec::with_capacity(sizes.len());
    let mut rest = sizes.as_slice();
    while !rest.is_empty() {
        let side = free.w.min(free.h);
        let mut count = 1;
        while count < rest.len() && worst(&rest[..=count], side) <= worst(&rest[..count], side) {
            count += 1;
        }
        let (row, later) = rest.split_at(count);
        free = place(row, free, &mut placed);
        rest = later;
    }
    placed
}

/// The largest ratio of sides in a row along `side`.
fn worst(row: &[f64], side: f64) -> f64 {
    let sum: f64 = row.iter().sum();
    let thick = sum / side;
    let ratio = |size: &f64| {
        let long = size / thick;
        (long / thick).max(thick / long)
    };
    row.iter().map(ratio).fold(0.0, f64::max)
}

/// Puts a row along the shorter side and returns what is left.
fn place(row: &[f64], free: Square, placed: &mut Vec<Square>) -> Square {
    let sum: f64 = row.iter().sum();
    let upright = free.w >= free.h;
    let side = if upright { free.h } else { free.w };
    let thick = if side > 0.0 { sum / side } else { 0.0 };
    let mut along = 0.0;
    for size in row {
        let long = if thick > 0.0 { size / thick } else { 0.0 };
        placed.push(if upright {
            Square { x: free.x, y: free.y + along, w: thick, h: long }
        } else {
            Square { x: free.x + along, y: free.y, w: long, h: thick }
        });
        along += long;
    }
    if upright {
        Square { x: free.x + thick, w: (free.w - thick).max(0.0), ..free }
    } else {
        Square { y: free.y + thick, h: (free.h - thick).max(0.0), ..free }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: Square = Square { x: 0.0, y: 0.0, w: 6.0, h: 4.0 };

    #[test]
    fn the_example_of_the_paper() {
        let squares = squares(&[6, 6, 4, 3, 2, 2, 1], AREA);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        // Figure 4: the two sixes are stacked on the left, 3 wide and 2 high each.
        assert!(near(squares[0].w, 3.0) && near(squares[0].h, 2.0) && near(squares[1].y, 2.0));
        // Then 4 and 3 side by side, 7/3 high.
        assert!(near(squares[2].h, 7.0 / 3.0) && near(squares[3].x, 3.0 + squares[2].w));
        let area: f64 = squares.iter().map(|square| square.w * square.h).sum();
        assert!(near(area, 24.0));
    }

    #[test]
    fn nothing_divides_by_zero() {
        for weights in [[0_u64, 0].as_slice(), &[u64::MAX, 1, 0], &[]] {
            let squares = squares(weights, AREA);
            assert_eq!(squares.len(), weights.len());
            assert!(squares.iter().all(|one| one.w.is_finite() && one.h.is_finite() && one.x.is_finite()));
        }
    }
}
