//! Pages over sorted sets of Redis, by score.
//!
//! A cursor is `<score>.<member>` of the last entry shown, so that entries added meanwhile neither repeat nor hide others.
//! Entries of one score are in the order of their names, as Redis keeps them.

use image2model_domain::Problem;

use crate::query::Query;
use crate::redis::{self, RedisError};

/// Entries on a page unless the client asks for fewer or more.
const PAGE: usize = 20;
/// Most entries on a page.
const LARGEST_PAGE: usize = 100;
/// Looks at one set for one page at most: entries of the cursor's score are passed over, a look's worth each time.
const MOST_LOOKS: usize = 20;

/// An entry's place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What the set is ordered by.
    pub score: i64,
    /// The entry.
    pub member: String,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The least score first.
    Rising,
    /// The greatest score first.
    Falling,
}

/// What a client asks for: `?limit=` and `?cursor=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// Entries wanted.
    pub limit: usize,
    /// They stand behind this one.
    pub after: Option<Place>,
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its entries.
    pub places: Vec<Place>,
    /// Where the next one begins, when there is one.
    pub next_cursor: Option<String>,
}

/// A query that says something else than it may.
#[must_use]
pub fn invalid(detail: &str) -> Problem {
    Problem::new(422, "VALIDATION_ERROR", detail)
}

/// How many entries are wanted.
///
/// # Errors
/// 422 unless it is a number from 1 to 100.
pub fn limit(query: &Query) -> Result<usize, Problem> {
    let fits = |text: &str| text.parse().ok().filter(|n| (1..=LARGEST_PAGE).contains(n));
    query.get("limit").map_or(Ok(PAGE), |text| fits(text).ok_or_else(|| invalid("limit must be from 1 to 100")))
}

/// Whether a text is an id as we write it: 32 lower-case hexadecimal digits.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

impl PageQuery {
    /// Reads it. `is_member` knows what the entries look like.
    ///
    /// # Errors
    /// 422 when it says something else than it may.
    pub fn parse(query: &Query, is_member: fn(&str) -> bool) -> Result<Self, Problem> {
        let place = |text| Place::parse(text).filter(|place| is_member(&place.member));
        let after = query.get("cursor").map(|text| place(text).ok_or_else(|| invalid("cursor is not one of ours")));
        Ok(Self { limit: limit(query)?, after: after.transpose()? })
    }
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let (score, member) = text.split_once('.')?;
        let is_number = (1..=18).contains(&score.len()) && score.bytes().all(|b| b.is_ascii_digit());
        Some(Self { score: score.parse().ok().filter(|_| is_number)?, member: member.to_owned() })
    }

    fn cursor(&self) -> String {
        format!("{}.{}", self.score, self.member)
    }

    fn is_after(&self, other: &Self, order: Order) -> bool {
        let (own, other) = ((self.score, &self.member), (other.score, &other.member));
        match order {
            Order::Rising => own > other,
            Order::Falling => own < other,
        }
    }
}

/// A page over the sets together, which is a page over one when it is only one.
///
/// # Errors
/// [`RedisError`].
pub async fn page(keys: &[String], order: Order, query: &PageQuery) -> Result<Page, RedisError> {
    let mut places = Vec::new();
    for key in keys {
        places.extend(from_one(key, order, query).await?);
    }
    places.sort_by(|a, b| if b.is_after(a, order) { std::cmp::Ordering::Less } else { std::cmp::Ordering::Greater });
    let more = places.len() > query.limit;
    places.truncate(query.limit);
    let next_cursor = places.last().filter(|_| more).map(Place::cursor);
    Ok(Page { places, next_cursor })
}

/// One more than the page has, to know whether there is another.
async fn from_one(key: &str, order: Order, query: &PageQuery) -> Result<Vec<Place>, RedisError> {
    let from = query.after.as_ref().map(|place| place.score.to_string());
    let (command, from, to) = match order {
        Order::Rising => ("ZRANGEBYSCORE", from.as_deref().unwrap_or("-inf"), "+inf"),
        Order::Falling => ("ZREVRANGEBYSCORE", from.as_deref().unwrap_or("+inf"), "-inf"),
    };
    let wanted = query.limit + 1;
    let (mut found, count) = (Vec::new(), wanted.to_string());
    for look in 0..MOST_LOOKS {
        let offset = (look * wanted).to_string();
        let flat = redis::texts(command, &[key, from, to, "WITHSCORES", "LIMIT", &offset, &count]).await?;
        let seen = read(&flat);
        let is_last = seen.len() < wanted;
        let behind = |place: &Place| query.after.as_ref().is_none_or(|after| place.is_after(after, order));
        found.extend(seen.into_iter().filter(behind));
        if is_last || found.len() >= wanted {
            break;
        }
    }
    Ok(found)
}

/// Members and scores, alternating.
fn read(flat: &[String]) -> Vec<Place> {
    let pairs = flat.chunks_exact(2).filter_map(|pair| match pair {
        [member, score] => Some(Place { member: member.clone(), score: score.parse().ok()? }),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(score: i64, member: &str) -> Place {
        Place { score, member: member.to_owned() }
    }

    #[test]
    fn a_cursor_reads_back_and_orders_ties() {
        let one = place(1_700_000_000_000, "ab/cd");
        assert_eq!(Place::parse(&one.cursor()), Some(one.clone()));
        assert!(place(1_700_000_000_000, "ab/ce").is_after(&one, Order::Rising));
        assert!(place(1_700_000_000_000, "aa").is_after(&one, Order::Falling) && !one.is_after(&one, Order::Falling));
        assert!(place(1, "z").is_after(&one, Order::Falling));
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        let parse = |text: &str| PageQuery::parse(&Query::parse(text), |member| member.len() == 2);
        assert_eq!(parse("").unwrap(), PageQuery { limit: 20, after: None });
        assert_eq!(parse("limit=5&cursor=12.ab").unwrap(), PageQuery { limit: 5, after: Some(place(12, "ab")) });
        for bad in
            ["limit=0", "limit=101", "limit=x", "cursor=", "cursor=1.", "cursor=x.ab", "cursor=-1.ab", "cursor=1.abc"]
        {
            assert_eq!(parse(bad).unwrap_err().status(), 422, "{bad}");
        }
    }
}
