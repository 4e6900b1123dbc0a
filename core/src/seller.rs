//! Who sells: what invoices say of us, and how they are numbered. One row, because all processes must number alike.

use chrono_tz::Tz;
use serde_json::{Value, json};
use sqlx::PgConnection;

use crate::audit::{self, Act};
use crate::clock::Clock;
use crate::error::Violations;
use crate::{Error, Result, text, zone};

/// What stands in the row until somebody says who sells.
const PLACEHOLDER: &str = "The address of the seller is not set";
const LONGEST: usize = 200;

/// Who sells, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seller {
    name: String,
    address: String,
    tax_number: Option<String>,
    number_prefix: String,
    fiscal_year_month: u8,
    time_zone: Tz,
}

/// What shall be another; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct SellerPatch {
    /// As registered, at most 200 characters.
    pub name: Option<String>,
    /// Where to write to, in one line of at most 200 characters.
    pub address: Option<String>,
    /// The number taxes are paid under (a GSTIN in India); empty for none.
    pub tax_number: Option<String>,
    /// One or two capital letters that begin every invoice number.
    pub number_prefix: Option<String>,
    /// The month that a fiscal year begins with, 1 to 12.
    pub fiscal_year_month: Option<u8>,
    /// The IANA zone of the seller's clocks: `Asia/Kolkata`.
    pub time_zone: Option<String>,
}

impl Seller {
    /// As registered.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether nobody has said who sells.
    pub fn is_placeholder(&self) -> bool {
        self.address == PLACEHOLDER
    }

    /// Name and address, as mails end; the name alone while nobody has said where.
    pub fn in_one_line(&self) -> String {
        if self.is_placeholder() {
            self.name.clone()
        } else {
            format!("{}, {}", self.name, self.address)
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "address": self.address,
            "tax_number": self.tax_number,
            "number_prefix": self.number_prefix,
            "fiscal_year_month": self.fiscal_year_month,
            "time_zone": self.time_zone.name(),
        })
    }

    /// The seller after a change. [`Error::Invalid`] with every wrong field.
    fn patched(self, patch: SellerPatch) -> Result<Self> {
        let mut wrong = Violations::new();
        let name = one_line(&mut wrong, "name", &patch.name.unwrap_or(self.name));
        let address = one_line(
            &mut wrong,
            "address",
            &patch.address.unwrap_or(self.address),
        );
        let tax_number = match patch.tax_number {
            None => self.tax_number,
            Some(raw) => tax_number(&mut wrong, &raw),
        };
        let number_prefix = patch.number_prefix.unwrap_or(self.number_prefix);
        if !matches!(number_prefix.len(), 1..=2)
            || !number_prefix.bytes().all(|byte| byte.is_ascii_uppercase())
        {
            let message = "one or two capital letters, so that a number fits into 16 characters";
            wrong.add("number_prefix", "format", message);
        }
        let fiscal_year_month = patch.fiscal_year_month.unwrap_or(self.fiscal_year_month);
        if !matches!(fiscal_year_month, 1..=12) {
            wrong.add("fiscal_year_month", "out_of_range", "a month from 1 to 12");
        }
        let time_zone = match patch.time_zone {
            None => self.time_zone,
            Some(raw) => zone::parse(&raw).unwrap_or_else(|| {
                wrong.add("time_zone", "unknown", "no IANA zone, such as Asia/Kolkata");
                self.time_zone
            }),
        };
        wrong.into_result()?;
        Ok(Self {
            name,
            address,
            tax_number,
            number_prefix,
            fiscal_year_month,
            time_zone,
        })
    }
}

impl std::fmt::Display for Seller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}, {}, {}; numbers {}/…, fiscal year from month {} by {}",
            self.name,
            self.address,
            self.tax_number.as_deref().unwrap_or("no tax number"),
            self.number_prefix,
            self.fiscal_year_month,
            self.time_zone,
        )
    }
}

/// A line that an invoice can print.
fn one_line(wrong: &mut Violations, field: &str, raw: &str) -> String {
    text::one_line(raw, LONGEST)
        .map_err(|(code, message)| wrong.add(field, code, message))
        .unwrap_or_default()
}

fn tax_number(wrong: &mut Violations, raw: &str) -> Option<String> {
    let number = raw.trim();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " -/.".contains(c);
    if number.len() > 30 || !number.chars().all(is_plain) {
        let message = "at most 30 letters and digits; empty for none";
        wrong.add("tax_number", "format", message);
    }
    (!number.is_empty()).then(|| number.to_owned())
}

/// Who sells. [`Error::Catalogue`] when the row cannot be.
pub async fn get(conn: &mut PgConnection) -> Result<Seller> {
    let row = sqlx::query!(
        "select name, address, tax_number, number_prefix, fiscal_year_month, time_zone from seller"
    )
    .fetch_one(conn)
    .await?;
    let unfit = |what: &str| Error::Catalogue(format!("the seller has no usable {what}"));
    Ok(Seller {
        name: row.name,
        address: row.address,
        tax_number: row.tax_number,
        number_prefix: row.number_prefix,
        fiscal_year_month: u8::try_from(row.fiscal_year_month).map_err(|_| unfit("month"))?,
        time_zone: zone::parse(&row.time_zone).ok_or_else(|| unfit("time zone"))?,
    })
}

/// Changes who sells, for the invoices that are numbered from then on. [`Error::Invalid`] with every wrong field.
pub async fn change(conn: &mut PgConnection, clock: &Clock, patch: SellerPatch) -> Result<Seller> {
    sqlx::query!("select name from seller for update")
        .fetch_one(&mut *conn)
        .await?;
    let before = get(conn).await?;
    let seller = before.clone().patched(patch)?;
    sqlx::query!(
        "update seller set name = $1, address = $2, tax_number = $3, number_prefix = $4, fiscal_year_month = $5, time_zone = $6",
        seller.name,
        seller.address,
        seller.tax_number,
        seller.number_prefix,
        i16::from(seller.fiscal_year_month),
        seller.time_zone.name(),
    )
    .execute(&mut *conn)
    .await?;
    let changed = Act {
        action: "seller_changed",
        object_kind: "seller",
        object_id: "seller".to_owned(),
        before: Some(before.to_json()),
        after: Some(seller.to_json()),
    };
    audit::record(conn, clock, &changed).await?;
    Ok(seller)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seller() -> Seller {
        Seller {
            name: "Flightdesk".to_owned(),
            address: PLACEHOLDER.to_owned(),
            tax_number: None,
            number_prefix: "FD".to_owned(),
            fiscal_year_month: 4,
            time_zone: chrono_tz::Asia::Kolkata,
        }
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let patch = SellerPatch {
            name: Some(" ".to_owned()),
            address: Some("one\ntwo".to_owned()),
            tax_number: Some("12_34".to_owned()),
            number_prefix: Some("Fd".to_owned()),
            fiscal_year_month: Some(13),
            time_zone: Some("Asia/Delhi".to_owned()),
        };
        let Err(Error::Invalid(fields)) = seller().patched(patch) else {
            panic!("it was taken");
        };
        let named: Vec<_> = fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(
            named,
            [
                "name",
                "address",
                "tax_number",
                "number_prefix",
                "fiscal_year_month",
                "time_zone"
            ]
        );
    }

    #[test]
    fn what_is_not_named_stays() {
        let patch = SellerPatch {
            address: Some(" 1 Janpath, New Delhi ".to_owned()),
            tax_number: Some("07AABCU9603R1ZP".to_owned()),
            ..SellerPatch::default()
        };
        let patched = seller().patched(patch).unwrap();
        let expected = Seller {
            address: "1 Janpath, New Delhi".to_owned(),
            tax_number: Some("07AABCU9603R1ZP".to_owned()),
            ..seller()
        };
        assert_eq!(patched, expected);
        assert!(seller().is_placeholder() && !patched.is_placeholder());
        let none = SellerPatch {
            tax_number: Some(String::new()),
            ..SellerPatch::default()
        };
        assert_eq!(patched.patched(none).unwrap().tax_number, None);
    }
}
