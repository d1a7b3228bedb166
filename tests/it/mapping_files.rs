//! Mappings and prices as files: there and back again, and what happens to rows that cannot be used.

use concord::domain::mapping::{MappingKind, MappingStatus};
use concord::service::mapping_files::{FileError, ImportError, ImportMappings, ImportPrices, Precedence};

use crate::mapping_world::World;
use crate::postgres::databases;

const CUSTOMER_FILE: &str = "\
pax8CompanyId,pax8CompanyName,psaCustomerId,psaCustomerName,relation,nameNoise,billable
c1,Copper Kettle Bakery LLC,109,,one_to_one,,yes
c2,Ocotillo Veterinary Clinic,,,orphan,,yes
c3,Our own lab,103,,internal,no_phone,no
c9,Nobody,101,,one_to_one,,yes
c4,Quartz Ridge Surveying,999,,one_to_one,,yes
";

const PRODUCT_FILE: &str = "\
pax8ProductId,pax8ProductName,pax8Sku,billingTerm,commitmentTerm,psaProductId,psaIdentifier,psaName,relation
p1,,,Monthly,Monthly,2001,,,one_item
p1,,,Annual,1-Year,2002,,,one_item
p1,,,Weekly,Monthly,2001,,,one_item
p2,,,Monthly,Monthly,,,,missing_in_psa
p2,,,,,2003,,,one_item
";

async fn worlds() -> Vec<World> {
    let mut worlds = Vec::new();
    for database in databases().await {
        let world = World::open(database).await;
        world
            .companies(&[
                ("c1", "Copper Kettle Bakery LLC", "copperkettle.example"),
                ("c2", "Ocotillo Veterinary Clinic", "ocotillovet.example"),
                ("c3", "Our own lab", "northgate.example"),
                ("c4", "Quartz Ridge Surveying", "quartzridge.example"),
            ])
            .await;
        world
            .customers(&[
                ("101", "Copper Kettle Bakery", "copperkettle.example"),
                ("102", "Ocotillo Veterinary Clinic Inc", "ocotillovet.example"),
                ("103", "Our own lab", "northgate.example"),
                ("104", "Quartz Ridge Surveying", "quartzridge.example"),
                ("109", "Blue Mesa Plumbing", "bluemesa.example"),
            ])
            .await;
        world
            .products(&[
                ("p1", "Microsoft 365 Business Basic", &["Monthly/Monthly", "Annual/1-Year"]),
                ("p2", "Visio Plan 2", &["Monthly/Monthly"]),
            ])
            .await;
        world.items(&[("2001", "M365 Basic monthly"), ("2002", "M365 Basic yearly"), ("2003", "Drawing tool")]).await;
        worlds.push(world);
    }
    worlds
}

fn import(world: &World, customers: Option<&str>, products: Option<&str>) -> ImportMappings {
    ImportMappings {
        integration_id: world.integration.id,
        customers: customers.map(str::to_owned),
        products: products.map(str::to_owned),
        precedence: Precedence::Earlier,
    }
}

#[tokio::test]
async fn an_import_confirms_excludes_and_reports_what_it_cannot_use() {
    for world in worlds().await {
        world.rematch().await.expect("the matching ends");
        let files = &world.services.mapping_files;
        let command = import(&world, Some(CUSTOMER_FILE), Some(PRODUCT_FILE));
        let summary = files.import(&world.caller, command.clone()).await.expect("imported");
        let customers = summary.customers.expect("there was a file of customers");
        assert_eq!((customers.read, customers.confirmed, customers.removed, customers.excluded), (3, 2, 2, 1));
        let lines: Vec<u64> = customers.rejected.iter().map(|row| row.line).collect();
        assert_eq!(lines, [5, 6], "{:?}", customers.rejected);
        let products = summary.products.expect("there was a file of products");
        assert_eq!((products.read, products.confirmed), (4, 3));
        assert_eq!(products.rejected.iter().map(|row| row.line).collect::<Vec<_>>(), [4]);
        let told = world.told().await;
        let expected = ["c1 Confirmed 109", "c1 Removed 101", "c2 Removed 102", "c3 Confirmed 103", "c4 Suggested 104"];
        assert_eq!(told, expected);
        // What a person said has no counterpart is not mapped by the machine again.
        world.rematch().await.expect("the matching ends");
        assert_eq!(world.told().await, expected);

        let again = files.import(&world.caller, command).await.expect("imported again");
        let (customers, products) = (again.customers.expect("customers"), again.products.expect("products"));
        assert_eq!((customers.confirmed, customers.unchanged, customers.removed, customers.excluded), (0, 3, 0, 0));
        assert_eq!((products.confirmed, products.unchanged), (0, 4));
    }
}

#[tokio::test]
async fn what_is_exported_and_imported_again_changes_nothing() {
    for world in worlds().await {
        world.rematch().await.expect("the matching ends");
        let files = &world.services.mapping_files;
        let command = import(&world, Some(CUSTOMER_FILE), Some(PRODUCT_FILE));
        files.import(&world.caller, command).await.expect("imported");
        let before = (world.mappings(MappingKind::Customer).await, world.mappings(MappingKind::Product).await);
        let exported = files.export(&world.caller, world.integration.id).await.expect("exported");
        assert!(
            exported.customers.contains("\nc4,Quartz Ridge Surveying,,,undecided,yes,\n"),
            "{}",
            exported.customers
        );
        assert!(exported.customers.contains(",internal,no,INTERNAL_USE\n"), "{}", exported.customers);
        for precedence in [Precedence::Earlier, Precedence::File] {
            let command =
                ImportMappings { precedence, ..import(&world, Some(&exported.customers), Some(&exported.products)) };
            let summary = files.import(&world.caller, command).await.expect("imported");
            for file in [summary.customers, summary.products].map(|file| file.expect("both files")) {
                assert_eq!(
                    (file.confirmed, file.removed, file.replaced, file.excluded, file.rejected),
                    (0, 0, 0, 0, vec![])
                );
            }
            let after = (world.mappings(MappingKind::Customer).await, world.mappings(MappingKind::Product).await);
            assert_eq!(after, before);
            assert_eq!(files.export(&world.caller, world.integration.id).await.expect("exported"), exported);
        }
    }
}

#[tokio::test]
async fn a_file_overrules_a_decision_only_when_told_to() {
    for world in worlds().await {
        let files = &world.services.mapping_files;
        let first = "pax8CompanyId,psaCustomerId\nc1,101\n";
        files.import(&world.caller, import(&world, Some(first), None)).await.expect("imported");
        let second = "pax8CompanyId,psaCustomerId\nc1,109\nc2,102\n";
        let command = import(&world, Some(second), None);
        let summary = files.import(&world.caller, command.clone()).await.expect("imported");
        let file = summary.customers.expect("there was a file");
        assert_eq!((file.confirmed, file.rejected.len()), (1, 1));
        assert!(file.rejected[0].reason.contains("which Ann confirmed"), "{}", file.rejected[0].reason);
        assert_eq!(world.told().await, ["c1 Confirmed 101", "c2 Confirmed 102"]);
        let command = ImportMappings { precedence: Precedence::File, ..command };
        let file = files.import(&world.caller, command).await.expect("imported").customers.expect("there was a file");
        assert_eq!((file.confirmed, file.replaced, file.unchanged), (1, 1, 1));
        assert_eq!(world.told().await, ["c1 Confirmed 109", "c1 Removed 101", "c2 Confirmed 102"]);
    }
}

#[tokio::test]
async fn a_file_without_its_columns_imports_nothing() {
    for world in worlds().await {
        let files = &world.services.mapping_files;
        let command = import(&world, Some("pax8CompanyId,psaCustomerId\nc1,101\n"), Some("a,b\n1,2\n"));
        match files.import(&world.caller, command).await {
            Err(ImportError::File(FileError { file, message })) => {
                assert_eq!(file, "product_mapping.csv");
                assert!(message.contains("`pax8ProductId`"), "{message}");
            }
            other => panic!("a file without its columns was answered by {other:?}"),
        }
        assert!(world.told().await.is_empty());
    }
}

#[tokio::test]
async fn prices_are_imported_once() {
    for world in worlds().await {
        let csv = "productId,customerId,currency,unitPrice,effectiveDate,endDate\n\
                   2001,,USD,7.2000,2024-01-01,\n\
                   2001,101,USD,6.90,2026-01-01,2026-12-31\n\
                   2777,,USD,1.00,2024-01-01,\n\
                   2001,777,USD,1.00,2024-01-01,\n\
                   2001,,USD,8.00,2024-01-01,\n";
        let files = &world.services.mapping_files;
        let command = ImportPrices { integration_id: world.integration.id, csv: csv.to_owned() };
        let imported = files.import_prices(&world.caller, command.clone()).await.expect("imported");
        assert_eq!((imported.applied.created, imported.applied.changed), (2, 0));
        assert_eq!(imported.rejected.iter().map(|row| row.line).collect::<Vec<_>>(), [4, 5, 6]);
        let again = files.import_prices(&world.caller, command).await.expect("imported again");
        assert_eq!((again.applied.created, again.applied.changed, again.applied.unchanged), (0, 0, 2));
    }
}

#[tokio::test]
async fn a_confirmed_whole_product_covers_its_terms() {
    for world in worlds().await {
        let files = &world.services.mapping_files;
        let whole = "pax8ProductId,billingTerm,commitmentTerm,psaProductId\np1,,,2001\n";
        files.import(&world.caller, import(&world, None, Some(whole))).await.expect("imported");
        world.rematch().await.expect("the matching ends");
        let mappings = world.mappings(MappingKind::Product).await;
        let covered = mappings.iter().filter(|mapping| {
            mapping.state.status() == MappingStatus::Suggested && mapping.pax8_record_id == mappings[0].pax8_record_id
        });
        assert_eq!(covered.count(), 0);
    }
}
