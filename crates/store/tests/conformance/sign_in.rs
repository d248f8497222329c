//! What a sign-in leaves: how sessions began, e-mail addresses, identities at providers, second factors.

use crate::people::session;
use crate::world::{World, alice, at, now, user};
use prokura_core::{Acr, UserId};
use prokura_store::{Identity, SecondFactor, SecretHash, User};

pub(crate) async fn a_session_remembers_how_it_began_and_when_it_was_used(w: World) {
    w.write(|tx| {
        tx.insert_user(&user("alice"))?;
        tx.insert_session(&session("one"))?;
        tx.insert_session(&session("two"))?;
        tx.touch_session(&SecretHash::of("one"), at(5))?;
        tx.touch_session(&SecretHash::of("one"), at(4))
    })
    .await;
    let found = w.read(|tx| tx.session("one", now())).await.unwrap();
    assert_eq!(
        (found.acr, found.way.as_str(), found.provider.as_deref()),
        (Acr::Mfa, "provider", Some("corp"))
    );
    assert_eq!((found.groups, found.last_used_at), (vec!["sales".to_owned(), "eu".to_owned()], at(5)));
    assert_eq!(w.write(|tx| tx.end_other_sessions(&alice(), &SecretHash::of("one"))).await, 1);
    assert!(w.read(|tx| tx.session("one", now())).await.is_some());
    assert!(w.read(|tx| tx.session("two", now())).await.is_none());
}

pub(crate) async fn an_email_address_belongs_to_one_user(w: World) {
    let mut ada = user("ada");
    ada.email = Some("Ada@Example.org".into());
    assert!(w.write(move |tx| tx.insert_user(&ada)).await);
    let bob = User { email: Some("ADA@example.org ".into()), ..user("bob") };
    assert!(!w.write(move |tx| tx.insert_user(&bob)).await);
    assert!(w.write(|tx| tx.insert_user(&user("bob"))).await);
    let bob = || UserId::parse("usr_bob").unwrap();
    assert!(!w.write(move |tx| tx.set_email(&bob(), Some("ada@example.org"))).await);
    assert!(w.write(move |tx| tx.set_email(&bob(), Some("Bob@example.org"))).await);
    assert_eq!(w.read(|tx| tx.user_by_email("bob@EXAMPLE.org")).await.unwrap().id, bob());
    assert!(w.write(move |tx| tx.set_email(&bob(), None)).await);
    assert!(w.read(|tx| tx.user_by_email("bob@example.org")).await.is_none());
}

fn at_corp(owner: UserId) -> Identity {
    Identity {
        issuer: "https://idp.example".into(),
        subject: "248289761001".into(),
        user: owner,
        provider: "corp".into(),
        label: "alice@corp.example".into(),
        groups: vec![],
        created_at: now(),
        last_used_at: None,
    }
}

pub(crate) async fn an_identity_belongs_to_one_user(w: World) {
    w.write(|tx| Ok(tx.insert_user(&user("alice"))? && tx.insert_user(&user("bob"))?)).await;
    let bob = || UserId::parse("usr_bob").unwrap();
    let link = |owner: UserId| w.write(move |tx| tx.insert_identity(&at_corp(owner.clone())));
    assert!(link(alice()).await && !link(bob()).await && !link(alice()).await);
    let find = |issuer: &'static str, subject: &'static str| w.read(move |tx| tx.identity(issuer, subject));
    assert_eq!(find("https://idp.example", "248289761001").await, Some(at_corp(alice())));
    for (issuer, subject) in
        [("https://idp.example2", "48289761001"), ("https://idp.example/", "248289761001"), ("", "")]
    {
        assert_eq!(find(issuer, subject).await, None, "{issuer} {subject}");
    }
    let used = Identity { groups: vec!["sales".into()], label: "Alice".into(), ..at_corp(alice()) };
    w.write(move |tx| tx.use_identity(&used, at(9))).await;
    let kept = w.read(|tx| tx.identities_of(&alice())).await;
    assert_eq!((kept[0].label.as_str(), kept[0].last_used_at), ("Alice", Some(at(9))));
    assert_eq!(kept[0].groups, ["sales"]);
    let id = Identity::id("https://idp.example", "248289761001");
    assert!(!w.write(move |tx| tx.delete_identity(&bob(), &id)).await, "another's");
    assert!(w.write(move |tx| tx.delete_identity(&alice(), &id)).await);
    assert!(link(bob()).await);
}

fn factor(enrolment: &str) -> SecondFactor {
    SecondFactor {
        user: alice(),
        enrolment: enrolment.into(),
        sealed: "sealed".into(),
        codes_left: 2,
        created_at: now(),
        last_used_at: None,
    }
}

pub(crate) async fn a_recovery_code_is_spent_once_and_only_in_its_enrolment(w: World) {
    let codes = || vec!["aaaa".to_owned(), "bbbb".to_owned()];
    w.write(|tx| tx.insert_user(&user("alice"))).await;
    let enrol = |name: &'static str| w.write(move |tx| tx.insert_second_factor(&factor(name), &codes()));
    assert!(enrol("e1").await && !enrol("e2").await, "one at a time");
    let spend = |name: &'static str, code: &'static str| {
        w.write(move |tx| tx.use_recovery_code(&factor(name), code, at(1)))
    };
    assert!(!spend("e2", "aaaa").await && !spend("e1", "cccc").await);
    assert!(spend("e1", "aaaa").await && !spend("e1", "aaaa").await);
    let left = w.read(|tx| tx.second_factor(&alice())).await.unwrap();
    assert_eq!((left.codes_left, left.last_used_at), (1, Some(at(1))));
    w.write(|tx| tx.replace_recovery_codes(&factor("e1"), &["dddd".to_owned()])).await;
    assert!(!spend("e1", "bbbb").await && spend("e1", "dddd").await);
    assert!(w.write(|tx| tx.delete_second_factor(&alice())).await);
    assert!(!w.write(|tx| tx.delete_second_factor(&alice())).await);
    assert_eq!(w.read(|tx| tx.second_factor(&alice())).await, None);
    assert!(enrol("e3").await && !spend("e1", "aaaa").await);
}

pub(crate) async fn of_many_who_spend_a_recovery_code_one_wins(w: World) {
    w.write(|tx| {
        tx.insert_user(&user("alice"))?;
        tx.insert_second_factor(&factor("e1"), &["aaaa".to_owned(), "bbbb".to_owned()])
    })
    .await;
    let tries: Vec<_> = (0..200)
        .map(|_| {
            let store = w.store.clone();
            tokio::spawn(async move {
                let spend =
                    |tx: &mut prokura_store::Tx<'_>| tx.use_recovery_code(&factor("e1"), "aaaa", at(1));
                store.transact::<_, prokura_store::StoreError>(spend).await.unwrap()
            })
        })
        .collect();
    let mut won = 0;
    for one in tries {
        won += usize::from(one.await.unwrap());
    }
    assert_eq!(won, 1);
    assert_eq!(w.read(|tx| tx.second_factor(&alice())).await.unwrap().codes_left, 1);
}
