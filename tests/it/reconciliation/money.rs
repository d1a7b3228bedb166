//! Exact amounts in both databases: what is stored comes back, and sums in SQL are exact over the whole range.

use concord::domain::money::Micros;
use concord::storage::Store;
use concord::storage::sum::{self, MicrosSum};
use entity::discrepancy_occurrence::{Column, Entity};
use entity::value::{ExactDecimal, Micros as MicrosColumn};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rust_decimal::Decimal;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, EntityTrait, FromQueryResult, QueryOrder as _, QuerySelect as _, Statement,
};

use crate::postgres::{TestDatabase, databases};

/// Runs a check with a database of each kind and a runtime to ask it.
fn on_every_database(check: impl Fn(&tokio::runtime::Runtime, &DatabaseConnection)) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let databases: Vec<TestDatabase> = runtime.block_on(databases());
    for database in databases {
        let db = runtime.block_on(async {
            // The tables of the program, without their references, so that a row needs nothing but its numbers.
            let store = Store::connect(&database.url).await.expect("the database opens");
            store.migrate().await.expect("the schema is made");
            let db = sea_orm::Database::connect(&database.url).await.expect("the database opens");
            execute(&db, "CREATE TABLE amounts (effect BIGINT NOT NULL, exact TEXT NOT NULL, place BIGINT NOT NULL)")
                .await;
            db
        });
        check(&runtime, &db);
        runtime.block_on(db.close()).expect("the connection closes");
    }
}

async fn execute(db: &DatabaseConnection, sql: &str) {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    db.execute_raw(statement).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

mod amounts {
    //! A table with one column of each kind of amount.

    use entity::value::{ExactDecimal, Micros};
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "amounts")]
    pub struct Model {
        pub effect: Micros,
        pub exact: ExactDecimal,
        #[sea_orm(primary_key, auto_increment = false)]
        pub place: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

#[derive(FromQueryResult)]
struct Halves {
    high: Option<i64>,
    low: Option<i64>,
}

async fn store(db: &DatabaseConnection, values: &[(i64, Decimal)]) {
    execute(db, "DELETE FROM amounts").await;
    let rows = values.iter().zip(0..).map(|((micros, exact), place)| amounts::ActiveModel {
        effect: sea_orm::ActiveValue::Set(MicrosColumn(*micros)),
        exact: sea_orm::ActiveValue::Set(ExactDecimal(*exact)),
        place: sea_orm::ActiveValue::Set(place),
    });
    amounts::Entity::insert_many(rows).exec_without_returning(db).await.expect("stored");
}

fn any_micros() -> impl Strategy<Value = i64> {
    prop_oneof![
        3 => any::<i64>(),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
        1 => -1_000_001_i64..1_000_001,
    ]
}

fn any_exact() -> impl Strategy<Value = Decimal> {
    const MOST: i128 = 9_999_999_999_999_999_999_999_999_999;
    (-MOST..=MOST, 0_u32..=28).prop_map(|(mantissa, scale)| Decimal::from_i128_with_scale(mantissa, scale))
}

#[test]
fn amounts_come_back_and_add_up_exactly() {
    on_every_database(|runtime, db| {
        let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
        let rows = proptest::collection::vec((any_micros(), any_exact()), 1..40);
        runner
            .run(&rows, |values| {
                let (stored, halves) = runtime.block_on(async {
                    store(db, &values).await;
                    let stored = amounts::Entity::find().order_by_asc(amounts::Column::Place).all(db).await;
                    let query = amounts::Entity::find().select_only();
                    let query = sum::select(query, Expr::col(amounts::Column::Effect), "high", "low");
                    let halves = query.into_model::<Halves>().one(db).await;
                    (stored.expect("readable"), halves.expect("readable").expect("a row"))
                });
                let back: Vec<(i64, Decimal)> = stored.iter().map(|row| (row.effect.0, row.exact.0)).collect();
                prop_assert_eq!(&back, &values);
                // Equal numbers may differ in their zeros; the text must not.
                for (row, (_, exact)) in stored.iter().zip(&values) {
                    prop_assert_eq!(row.exact.0.to_string(), exact.to_string());
                }
                let expected: i128 = values.iter().map(|(micros, _)| i128::from(*micros)).sum();
                let total = MicrosSum::of(halves.high, halves.low);
                prop_assert_eq!(total, MicrosSum(expected));
                let decimal = total.to_decimal().expect("in range");
                prop_assert_eq!(decimal, Decimal::from_i128_with_scale(expected, Micros::SCALE));
                Ok(())
            })
            .unwrap_or_else(|error| panic!("{error}"));
    });
}

#[test]
fn amounts_are_ordered_as_numbers() {
    on_every_database(|runtime, db| {
        let values = [i64::MIN, -2_000_000, -1, 0, 1, 999_999, 1_000_000, i64::MAX];
        let rows: Vec<(i64, Decimal)> = values.iter().rev().map(|micros| (*micros, Decimal::ZERO)).collect();
        let ordered: Vec<i64> = runtime.block_on(async {
            store(db, &rows).await;
            let found = amounts::Entity::find().order_by_asc(amounts::Column::Effect).all(db).await;
            found.expect("readable").into_iter().map(|row| row.effect.0).collect()
        });
        assert_eq!(ordered, values);
    });
}

#[test]
fn no_rows_add_up_to_zero() {
    on_every_database(|runtime, db| {
        let halves = runtime.block_on(async {
            let query = sum::select(Entity::find().select_only(), Expr::col(Column::Effect), "high", "low");
            query.into_model::<Halves>().one(db).await.expect("readable").expect("a row")
        });
        assert_eq!(MicrosSum::of(halves.high, halves.low), MicrosSum(0));
    });
}
