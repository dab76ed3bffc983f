//! Orders to calls that remove things for good. A word that is not understood is refused, and so is one that is said twice with
//! two meanings: it may have been meant to hold back what else goes.

use image2model_domain::Problem;
use image2model_kit::query::Query;

/// Refuses a query that has other words than these.
pub(crate) fn only(query: &Query, names: &[&str]) -> Result<(), Problem> {
    match query.names().find(|name| !names.contains(name)) {
        Some(unknown) => Err(Problem::invalid(unknown, format!("The query may have {} only", names.join(", ")))),
        None => Ok(()),
    }
}

/// The one value that all of them are; `None` when there is none.
pub(crate) fn agreed<T: PartialEq>(name: &str, said: impl IntoIterator<Item = T>) -> Result<Option<T>, Problem> {
    let mut said = said.into_iter();
    let Some(value) = said.next() else { return Ok(None) };
    if said.all(|other| other == value) {
        Ok(Some(value))
    } else {
        Err(Problem::invalid(name, format!("{name} is given more than once, with different values")))
    }
}

/// Whether nothing is to be removed yet: as the body and the query say.
pub(crate) fn dry_run(body: Option<bool>, query: &Query) -> Result<bool, Problem> {
    let query = query.answers("dry_run").collect::<Result<Vec<bool>, _>>()?;
    Ok(agreed("dry_run", body.into_iter().chain(query))?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_and_agree() {
        let names = ["dry_run", "hours"];
        assert_eq!(only(&Query::parse("hours=1&dry_run"), &names), Ok(()));
        assert_eq!(only(&Query::parse("dryRun=true"), &names).unwrap_err().status(), 422);
        assert_eq!(agreed("hours", [1, 1]), Ok(Some(1)));
        assert_eq!(agreed::<u32>("hours", []), Ok(None));
        assert_eq!(agreed("hours", [1, 2]).unwrap_err().status(), 422);
    }

    #[test]
    fn a_dry_run_is_one_wherever_it_is_said() {
        let read = |body, query: &str| dry_run(body, &Query::parse(query)).map_err(|problem| problem.status());
        for (body, query) in [(None, "dry_run"), (Some(true), ""), (Some(true), "dry_run=1&dry_run=true")] {
            assert_eq!(read(body, query), Ok(true), "{body:?} {query}");
        }
        assert_eq!(read(None, ""), Ok(false));
        for (body, query) in [(Some(true), "dry_run=false"), (None, "dry_run=false&dry_run=true"), (None, "dry_run=x")]
        {
            assert_eq!(read(body, query), Err(422), "{body:?} {query}");
        }
    }
}
