//! Which recurring PSA line bills which subscription, when several share an item.
//!
//! A line may carry one subscription or the sum of several, a subscription may be split over several lines, and a
//! line keeps its subscriptions while its quantity and price change. What fits in every month goes first.

use std::cmp::Reverse;

use chrono::NaiveDate;

use super::amount::Amount;
use super::intern::AgreementRef;
use crate::domain::period::Period;

/// Quantities by period; `None` where there is nothing.
pub(super) type Months = Vec<Option<Amount>>;

/// One side of the assignment.
pub(super) struct Track {
    pub(super) months: Months,
    /// When the subscription started, or the first line took effect.
    pub(super) since: Option<NaiveDate>,
    /// Agreement of a line.
    pub(super) agreement: Option<AgreementRef>,
}

/// Subscriptions and the lines that bill them, as positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) subscriptions: Vec<usize>,
    pub(super) lines: Vec<usize>,
}

/// Of more than this many on one item only single ones, pairs and all together are tried.
const EVERY_SUBSET: usize = 8;

/// How well subscriptions and lines fit; the least is best.
type Rank = (bool, Reverse<usize>, Amount, usize, bool, Amount);

/// Assigns lines to subscriptions. Who is in no group has no partner. `may_differ` says whether a line and a
/// subscription that agree in no month may belong together all the same.
pub(super) fn assign(subscriptions: &[Track], lines: &[Track], may_differ: impl Fn(usize) -> bool) -> Vec<Group> {
    let mut free_subscriptions: Vec<usize> = (0..subscriptions.len()).collect();
    let mut free_lines: Vec<usize> = (0..lines.len()).collect();
    let mut groups = exact_pairs(subscriptions, lines);
    free_subscriptions.retain(|at| groups.iter().all(|group| group.subscriptions[0] != *at));
    free_lines.retain(|at| groups.iter().all(|group| group.lines[0] != *at));
    while !free_subscriptions.is_empty() && !free_lines.is_empty() {
        let mut best: Option<(Rank, Group)> = None;
        let mut consider = |group: Group| {
            if let Some(rank) = rank(subscriptions, lines, &group, &may_differ)
                && best.as_ref().is_none_or(|(held, _)| rank < *held)
            {
                best = Some((rank, group));
            }
        };
        for subset in subsets(&free_subscriptions) {
            for line in &free_lines {
                consider(Group { subscriptions: subset.clone(), lines: vec![*line] });
            }
        }
        for subset in subsets(&free_lines).into_iter().filter(|subset| subset.len() > 1) {
            for subscription in &free_subscriptions {
                consider(Group { subscriptions: vec![*subscription], lines: subset.clone() });
            }
        }
        let Some((_, group)) = best else { break };
        free_subscriptions.retain(|at| !group.subscriptions.contains(at));
        free_lines.retain(|at| !group.lines.contains(at));
        groups.push(group);
    }
    groups
}

/// Pairs that agree in every month, those that began in the same month first. Nothing ranks higher, so that they can
/// be taken without a look at the sums.
fn exact_pairs(subscriptions: &[Track], lines: &[Track]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut is_taken = vec![false; lines.len()];
    let mut is_paired = vec![false; subscriptions.len()];
    for must_begin_together in [true, false] {
        for (at, subscription) in subscriptions.iter().enumerate() {
            if is_paired[at] || subscription.months.iter().all(Option::is_none) {
                continue;
            }
            let fits = |(line_at, line): &(usize, &Track)| {
                !is_taken[*line_at]
                    && line.months == subscription.months
                    && (!must_begin_together || line.since.map(Period::of) == subscription.since.map(Period::of))
            };
            let found = lines.iter().enumerate().find(fits).map(|(line_at, _)| line_at);
            if let Some(line_at) = found {
                (is_taken[line_at], is_paired[at]) = (true, true);
                groups.push(Group { subscriptions: vec![at], lines: vec![line_at] });
            }
        }
    }
    groups
}

fn rank(subscriptions: &[Track], lines: &[Track], group: &Group, may_differ: &impl Fn(usize) -> bool) -> Option<Rank> {
    let wanted = sum(subscriptions, &group.subscriptions)?;
    let billed = sum(lines, &group.lines)?;
    let (mut equal, mut off) = (0, Amount::ZERO);
    let mut is_exact = true;
    let mut meets = false;
    for (wanted, billed) in wanted.iter().zip(&billed) {
        meets |= wanted.is_some() && billed.is_some();
        if wanted == billed {
            equal += usize::from(wanted.is_some());
        } else {
            is_exact = false;
            off = off.plus(wanted.unwrap_or_default().minus(billed.unwrap_or_default()).ok()?.absolute()).ok()?;
        }
    }
    let is_one_line = take_turns(lines, &group.lines);
    let size = group.subscriptions.len() + if is_one_line { 1 } else { group.lines.len() };
    if !is_exact {
        // Where no month agrees, a line may still be wrong in every month.
        let is_likely = equal > 0 || (group.lines.len() == 1 && may_differ(group.lines[0]));
        let is_split = group.lines.len() > 1 && !is_one_line;
        if !meets || !is_likely || is_split {
            return None;
        }
    }
    if is_exact && equal == 0 {
        return None;
    }
    let month = |since: Option<NaiveDate>| since.map(Period::of);
    let apart = group.subscriptions.iter().any(|subscription| {
        group.lines.first().is_some_and(|line| month(subscriptions[*subscription].since) != month(lines[*line].since))
    });
    // Of what agrees in no month the closest is the likeliest; else a sum only counts where no single partner does as
    // well.
    let distance = if equal == 0 { off } else { Amount::ZERO };
    Some((!is_exact, Reverse(if is_exact { 0 } else { equal }), distance, size, apart, off))
}

/// Whether lines are parts of one: on one agreement, and never two in the same month.
fn take_turns(lines: &[Track], members: &[usize]) -> bool {
    let first = &lines[members[0]];
    members.iter().all(|member| lines[*member].agreement == first.agreement)
        && (members.len() == 1 || first.agreement.is_some())
        && (0..first.months.len())
            .all(|month| members.iter().filter(|member| lines[**member].months[month].is_some()).count() <= 1)
}

fn sum(tracks: &[Track], members: &[usize]) -> Option<Months> {
    let mut months = tracks[*members.first()?].months.clone();
    for member in &members[1..] {
        for (total, month) in months.iter_mut().zip(&tracks[*member].months) {
            *total = match (*total, *month) {
                (Some(left), Some(right)) => Some(left.plus(right).ok()?),
                (left, right) => left.or(right),
            };
        }
    }
    Some(months)
}

fn subsets(members: &[usize]) -> Vec<Vec<usize>> {
    let mut sets: Vec<Vec<usize>> = Vec::new();
    if members.len() <= EVERY_SUBSET {
        for mask in 1_u32..1 << members.len() {
            sets.push((0..members.len()).filter(|at| mask & 1 << at != 0).map(|at| members[at]).collect());
        }
        return sets;
    }
    sets.extend(members.iter().map(|member| vec![*member]));
    if members.len() <= 4 * EVERY_SUBSET {
        for (at, left) in members.iter().enumerate() {
            sets.extend(members[at + 1..].iter().map(|right| vec![*left, *right]));
        }
    }
    sets.push(members.to_vec());
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track(text: &str) -> Track {
        let months = text
            .split_whitespace()
            .map(|month| month.parse::<i128>().ok().map(|units| Amount(units * Amount::ONE.0)))
            .collect();
        Track { months, since: None, agreement: None }
    }

    fn check(subscriptions: &[&str], lines: &[&str], expected: &[(&[usize], &[usize])]) {
        let subscriptions: Vec<Track> = subscriptions.iter().map(|text| track(text)).collect();
        let lines: Vec<Track> = lines.iter().map(|text| track(text)).collect();
        let mut groups: Vec<(Vec<usize>, Vec<usize>)> = assign(&subscriptions, &lines, |_| true)
            .into_iter()
            .map(|group| (group.subscriptions, group.lines))
            .collect();
        groups.sort();
        let expected: Vec<(Vec<usize>, Vec<usize>)> =
            expected.iter().map(|(left, right)| (left.to_vec(), right.to_vec())).collect();
        assert_eq!(groups, expected);
    }

    #[test]
    fn equal_quantities_belong_together() {
        check(&["5 5 6", "3 3 3"], &["3 3 3", "5 5 6"], &[(&[0], &[1]), (&[1], &[0])]);
    }

    #[test]
    fn a_line_may_carry_the_sum_of_several_subscriptions() {
        check(&["5 5", "3 4", "9 9"], &["8 9", "9 9"], &[(&[0, 1], &[0]), (&[2], &[1])]);
    }

    #[test]
    fn a_subscription_may_be_split_over_lines() {
        check(&["5 5"], &["2 2", "3 3"], &[(&[0], &[0, 1])]);
    }

    #[test]
    fn a_line_with_an_error_in_one_month_keeps_its_subscription() {
        check(&["5 5 5", "3 3 3"], &["5 5 4", "3 3 3"], &[(&[0], &[0]), (&[1], &[1])]);
    }

    #[test]
    fn a_sum_that_is_never_quite_right_is_still_the_sum() {
        check(&["5 5 5", "3 3 3"], &["9 9 9"], &[(&[0, 1], &[0])]);
        check(&["5 5 5", "3 3 3"], &["6 6 6"], &[(&[0], &[0])]);
    }

    #[test]
    fn a_line_too_many_has_no_partner() {
        check(&["5 5 5"], &["- - 5", "5 5 5"], &[(&[0], &[1])]);
    }
}
