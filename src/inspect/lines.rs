//! Differences of texts, line by line.

/// Largest table of lines compared with lines; longer texts are replaced as a whole.
const MAX_TABLE: usize = 4 << 20;

/// A line that is only in one of two texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Only in the first, with its number there from 1.
    Removed(usize, String),
    /// Only in the second, with its number there from 1.
    Added(usize, String),
}

/// The lines that differ, removed before added at each spot.
pub(super) fn diff(first: &str, second: &str) -> Vec<Line> {
    let (first, second): (Vec<_>, Vec<_>) = (first.lines().collect(), second.lines().collect());
    let start = first.iter().zip(&second).take_while(|(a, b)| a == b).count();
    let (a, b) = (&first[start..], &second[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    let removed = |at: usize| Line::Removed(start + at + 1, a[at].into());
    let added = |at: usize| Line::Added(start + at + 1, b[at].into());
    if a.len().saturating_mul(b.len()) > MAX_TABLE {
        return (0..a.len()).map(removed).chain((0..b.len()).map(added)).collect();
    }
    let common = common(a, b);
    let (mut x, mut y, mut out) = (0, 0, Vec::new());
    while x < a.len() || y < b.len() {
        if x < a.len() && y < b.len() && a[x] == b[y] {
            (x, y) = (x + 1, y + 1);
        } else if y == b.len() || (x < a.len() && common[x + 1][y] >= common[x][y + 1]) {
            out.push(removed(x));
            x += 1;
        } else {
            out.push(added(y));
            y += 1;
        }
    }
    out
}

/// `common[x][y]`: how many lines `a[x..]` and `b[y..]` have in common, in order.
fn common(a: &[&str], b: &[&str]) -> Vec<Vec<u32>> {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for x in (0..a.len()).rev() {
        for y in (0..b.len()).rev() {
            table[x][y] = if a[x] == b[y] {
                table[x + 1][y + 1] + 1
            } else {
                table[x + 1][y].max(table[x][y + 1])
            };
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_that_differ_are_told() {
        let (removed, added) =
            (|n, t: &str| Line::Removed(n, t.into()), |n, t: &str| Line::Added(n, t.into()));
        assert_eq!(diff("a\nb\nc\n", "a\nb\nc\n"), []);
        assert_eq!(
            diff("a\nb\nc\n", "a\nx\nc\nd\n"),
            [removed(2, "b"), added(2, "x"), added(4, "d")]
        );
        assert_eq!(diff("", "a"), [added(1, "a")]);
        assert_eq!(
            diff("a\nb\nc\nd", "b\nd\ne"),
            [removed(1, "a"), removed(3, "c"), added(3, "e")]
        );
    }

    #[test]
    fn long_texts_are_replaced_as_a_whole() {
        let long =
            |word: &str| (0..3000).fold(String::new(), |text, n| format!("{text}{word}{n}\n"));
        assert_eq!(diff(&long("a"), &long("b")).len(), 6000);
    }
}
