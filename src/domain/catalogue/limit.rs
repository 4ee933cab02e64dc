//! Purchase-limit rules (限购规则) as a product has them: whose purchases, over which span, how many.
//! Counting is `domain::limits`' business, and which identity stands for whom is `engine`'s.

use crate::types::{Channel, Quantity, RuleNo};

/// Whose purchases a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitScope {
    /// By document (type and number).
    Document,
    /// By mobile.
    Mobile,
    /// By agent: its allotment (代理商配额), distinct from stock.
    Agent,
    /// By the user of an agent's own system (`otheruserid`).
    AgentUser,
    /// By Douyin's `open_id`.
    OpenId,
    /// By channel: its quota (渠道配额).
    Channel,
    /// All purchases together.
    Everyone,
}

/// Over which span a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitWindow {
    /// One timespan of one visit date.
    Timespan,
    /// One visit date.
    VisitDate,
    /// One day of ordering.
    OrderDate,
    /// The life of the product.
    Lifetime,
    /// One week of ordering, Monday to Sunday.
    Week,
    /// One calendar month of ordering.
    Month,
    /// The last days of ordering, the present one included.
    Rolling {
        /// How many, from 1 to 366.
        days: u16,
    },
}

/// At most `max` in `window` for each of `scope`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRule {
    /// Its number within the product, [`LimitRule::number`] of its scope and window. Counters carry
    /// it, so it must never come to mean another rule, whatever is edited, dropped or put back.
    pub no: RuleNo,
    /// Whose purchases.
    pub scope: LimitScope,
    /// Over which span.
    pub window: LimitWindow,
    /// How many.
    pub max: Quantity,
    /// The only channel whose purchases it is for, if it is for one.
    pub channel: Option<Channel>,
    /// Public id of the only agent whose purchases it is for, if it is for one.
    pub agent: Option<Box<str>>,
}

impl LimitScope {
    /// Every scope.
    pub const ALL: [Self; 7] = [
        Self::Document,
        Self::Mobile,
        Self::Agent,
        Self::AgentUser,
        Self::OpenId,
        Self::Channel,
        Self::Everyone,
    ];

    /// Whether a channel's requests can name whom this scope counts by. Where they cannot, the rule
    /// does not apply: only Douyin has an open id, and it has no agent's users.
    #[must_use]
    pub const fn is_known_to(self, channel: Channel) -> bool {
        match self {
            Self::OpenId => matches!(channel, Channel::Douyin),
            Self::AgentUser => !matches!(channel, Channel::Douyin),
            Self::Document | Self::Mobile | Self::Agent | Self::Channel | Self::Everyone => true,
        }
    }
}

impl LimitRule {
    /// A rule for everybody's purchases.
    #[must_use]
    pub const fn new(scope: LimitScope, window: LimitWindow, max: Quantity) -> Self {
        let no = Self::number(scope, window);
        Self { no, scope, window, max, channel: None, agent: None }
    }

    /// The number of the rules of this scope and window. A product may have several, for different
    /// channels and agents; of these one purchase is counted under a single one, so they share their
    /// counts. So do rolling windows of different lengths, whose counts are kept by day.
    #[must_use]
    pub const fn number(scope: LimitScope, window: LimitWindow) -> RuleNo {
        let scope = match scope {
            LimitScope::Document => 0,
            LimitScope::Mobile => 1,
            LimitScope::Agent => 2,
            LimitScope::AgentUser => 3,
            LimitScope::OpenId => 4,
            LimitScope::Channel => 5,
            LimitScope::Everyone => 6,
        };
        let window = match window {
            LimitWindow::Timespan => 0,
            LimitWindow::VisitDate => 1,
            LimitWindow::OrderDate => 2,
            LimitWindow::Lifetime => 3,
            LimitWindow::Week => 4,
            LimitWindow::Month => 5,
            LimitWindow::Rolling { .. } => 6,
        };
        // Sixteen numbers a scope leave room for windows to come.
        RuleNo::new(scope * 16 + window)
    }

    /// Whether the rule is for purchases of this agent through this channel.
    #[must_use]
    pub fn is_for(&self, channel: Channel, agent: &str) -> bool {
        self.channel.is_none_or(|only| only == channel)
            && self.agent.as_deref().is_none_or(|only| only == agent)
            && self.scope.is_known_to(channel)
    }

    /// Whether this rule stands back behind `other`, which is for the same purchases: an agent's own
    /// rule comes before a channel's, and that before a general one.
    #[must_use]
    pub fn yields_to(&self, other: &Self) -> bool {
        let detail = |rule: &Self| (rule.agent.is_some(), rule.channel.is_some());
        self.no == other.no && detail(self) < detail(other)
    }

    /// The rules of a product that count a purchase: of each scope and window the most specific one.
    pub fn applicable<'a>(
        rules: &'a [Self],
        channel: Channel,
        agent: &'a str,
    ) -> impl Iterator<Item = &'a Self> {
        let standing = move |rule: &&Self| {
            let stronger = |other: &Self| rule.yields_to(other) && other.is_for(channel, agent);
            rule.is_for(channel, agent) && !rules.iter().any(stronger)
        };
        rules.iter().filter(standing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_each_scope_and_window_the_most_specific_rule_applies() {
        let rule = |max: u32, channel: Option<Channel>, agent: Option<&str>| LimitRule {
            channel,
            agent: agent.map(Into::into),
            ..LimitRule::new(LimitScope::Document, LimitWindow::VisitDate, Quantity::new(max))
        };
        let rules = [
            rule(1, None, None),
            rule(2, Some(Channel::Douyin), None),
            rule(3, None, Some("a")),
            rule(4, Some(Channel::Douyin), Some("a")),
            LimitRule::new(LimitScope::Mobile, LimitWindow::VisitDate, Quantity::new(9)),
            LimitRule {
                channel: Some(Channel::Ota),
                ..LimitRule::new(LimitScope::Channel, LimitWindow::Week, Quantity::new(8))
            },
        ];
        let check = |channel, agent, expected: &[u32]| {
            let applicable = LimitRule::applicable(&rules, channel, agent);
            let maxima: Vec<_> = applicable.map(|rule| rule.max.get()).collect();
            assert_eq!(maxima, expected, "{channel:?} {agent}");
        };
        check(Channel::Console, "b", &[1, 9]);
        check(Channel::Douyin, "b", &[2, 9]);
        check(Channel::Console, "a", &[3, 9]);
        check(Channel::Douyin, "a", &[4, 9]);
        check(Channel::Ota, "b", &[1, 9, 8]);
    }

    #[test]
    fn a_scope_that_a_channel_cannot_name_does_not_apply_there() {
        let known = |scope: LimitScope| {
            [Channel::Ota, Channel::Douyin].map(|channel| scope.is_known_to(channel))
        };
        assert_eq!(known(LimitScope::AgentUser), [true, false]);
        assert_eq!(known(LimitScope::OpenId), [false, true]);
        for scope in LimitScope::ALL {
            let anywhere = !matches!(scope, LimitScope::AgentUser | LimitScope::OpenId);
            assert_eq!(known(scope) == [true, true], anywhere, "{scope:?}");
        }
    }
}
