//! Accounts, roles, scopes, and a sign-up that has been checked.

use chrono::{DateTime, Utc};

use super::password::Password;
use crate::error::{Error, Result, Violations};
use crate::ids::{AccountId, ApiKeyId};

/// A person or program that books.
#[derive(Clone, Debug)]
pub struct Account {
    /// The account.
    pub id: AccountId,
    /// Lower-cased.
    pub email: String,
    /// As written.
    pub first_name: String,
    /// As written.
    pub last_name: String,
    /// E.164, when given.
    pub phone: Option<String>,
    /// What the person may do.
    pub role: Role,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
}

/// What a person may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Books for themselves.
    Traveller,
    /// Runs catalogue, coupons and bookings.
    Staff,
    /// Also runs users and roles.
    Admin,
}

impl Role {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Traveller => "traveller",
            Self::Staff => "staff",
            Self::Admin => "admin",
        }
    }

    /// The role of a name, or `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        [Self::Traveller, Self::Staff, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == raw)
    }
}

/// What an API key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Look at places, flights and offers.
    Search,
    /// Hold, book, pay, cancel and read one's own bookings.
    Bookings,
    /// Run the inventory.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Search, Self::Bookings, Self::Admin];

    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Bookings => "bookings",
            Self::Admin => "admin",
        }
    }

    /// The scope of a name, or `None`.
    pub fn parse(raw: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|scope| scope.as_str() == raw)
    }
}

/// Whose key a request carries, and what it may do.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account that everything happens for.
    pub account_id: AccountId,
    /// The key.
    pub key_id: ApiKeyId,
    /// The person's role.
    pub role: Role,
    /// What the key may do.
    pub scopes: Vec<Scope>,
}

impl Caller {
    /// Whether the key has a scope.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }

    /// [`Error::MissingScope`] unless the key has the scope.
    pub fn require(&self, scope: Scope) -> Result<()> {
        if self.has(scope) {
            Ok(())
        } else {
            Err(Error::MissingScope(scope.as_str()))
        }
    }
}

/// A sign-up as it came in.
#[derive(Debug)]
pub struct Details {
    /// Any case.
    pub email: String,
    /// In clear.
    pub password: String,
    /// As written.
    pub first_name: String,
    /// As written.
    pub last_name: String,
    /// E.164.
    pub phone: Option<String>,
}

/// A sign-up whose fields have all been checked.
#[derive(Debug)]
pub struct SignUp {
    email: String,
    password: Password,
    first_name: String,
    last_name: String,
    phone: Option<String>,
}

impl SignUp {
    /// Checks every field. Takes milliseconds: judging a password is work.
    ///
    /// Errors: [`Error::Invalid`] with every wrong field.
    pub fn parse(details: Details) -> Result<Self> {
        let mut wrong = Violations::new();
        let email = details.email.trim().to_lowercase();
        if !is_email(&email) {
            wrong.add(
                "email",
                "format",
                "must be an e-mail address such as name@example.com",
            );
        }
        let first_name = details.first_name.trim();
        let last_name = details.last_name.trim();
        for (field, name) in [("first_name", first_name), ("last_name", last_name)] {
            if !is_name(name) {
                wrong.add(field, "invalid", "must have 1 to 100 printable characters");
            }
        }
        let phone = details
            .phone
            .map(|phone| phone.replace([' ', '-', '(', ')'], ""));
        if phone.as_deref().is_some_and(|phone| !is_e164(phone)) {
            wrong.add(
                "phone",
                "format",
                "must be in E.164 form, such as +919876543210",
            );
        }
        let password = Password::parse(details.password, &[&email, first_name, last_name])
            .map_err(|(code, message)| wrong.add("password", code, message));
        wrong.into_result()?;
        let password = password.map_err(|()| Error::Invalid(Vec::new()))?;
        Ok(Self {
            email,
            password,
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            phone,
        })
    }

    /// Lower-cased.
    pub fn email(&self) -> &str {
        &self.email
    }

    /// The password, to be hashed before the transaction begins.
    pub fn password(&self) -> &Password {
        &self.password
    }

    /// Trimmed.
    pub fn first_name(&self) -> &str {
        &self.first_name
    }

    /// Trimmed.
    pub fn last_name(&self) -> &str {
        &self.last_name
    }

    /// E.164.
    pub fn phone(&self) -> Option<&str> {
        self.phone.as_deref()
    }
}

/// One `@`, a local part of at most 64 bytes (RFC 5321 4.5.3.1.1), a dotted host name, nothing that could end a
/// header line. Whether mail arrives is known only by sending it.
pub(crate) fn is_email(email: &str) -> bool {
    let Some((local, domain)) = email.rsplit_once('@') else {
        return false;
    };
    let plain = |part: &str| {
        part.chars().all(|char| {
            !char.is_whitespace() && !char.is_control() && !"\"(),:;<>@[\\]".contains(char)
        })
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|char| char.is_alphanumeric() || char == '-')
    };
    email.len() <= 254
        && (1..=64).contains(&local.len())
        && plain(local)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.contains('.')
        && domain.split('.').all(label)
}

/// 1 to 100 printable characters.
pub(super) fn is_name(name: &str) -> bool {
    (1..=100).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// ITU-T E.164: a plus sign and 7 to 15 digits, the first of them not zero.
pub(crate) fn is_e164(phone: &str) -> bool {
    phone.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_could_not_receive_mail_are_refused() {
        for good in [
            "a@b.co",
            "first.last+tag@mail.example.com",
            "zoë@exämple.com",
        ] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "a@b",
            "@b.co",
            "a@",
            "a b@c.co",
            "a@b..co",
            "a@-b.co",
            ".a@b.co",
            "a@b.co\r\nBcc: x@y.zz",
            "a@@b.co",
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn every_wrong_field_of_a_sign_up_is_named_at_once() {
        let details = Details {
            email: "nobody".to_owned(),
            password: "short".to_owned(),
            first_name: " ".to_owned(),
            last_name: "\u{7}".to_owned(),
            phone: Some("12".to_owned()),
        };
        let Err(Error::Invalid(wrong)) = SignUp::parse(details) else {
            panic!("accepted");
        };
        let fields: Vec<_> = wrong.iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!(
            fields,
            ["email", "first_name", "last_name", "phone", "password"]
        );
    }
}
