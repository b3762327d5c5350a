//! TLS to the database: chain and host name are always verified.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::DbError;

/// The certificate authorities of Amazon RDS, see the file.
const RDS: &str = include_str!("rds.pem");

/// A TLS connector that trusts three kinds of roots: those of Amazon RDS (an instance shows a certificate of its
/// region's), the public ones (RDS Proxy shows one of Amazon's), and those in `ca`.
pub(super) fn connector(host: &str, ca: Option<&str>) -> Result<MakeRustlsConnect, DbError> {
    let mut roots = RootCertStore::empty();
    add(&mut roots, rds(host))?;
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if let Some(ca) = ca {
        add(&mut roots, ca)?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| DbError::Secret("the TLS settings are not possible"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// The part of the file that is about the region in an RDS host name (`…<region>.rds.amazonaws.com`). Nothing for
/// other hosts, and for regions that the file does not know: their authorities come in `ca`.
fn rds(host: &str) -> &'static str {
    let host = host.trim_end_matches('.').trim_end_matches(".cn");
    let region = host
        .strip_suffix(".rds.amazonaws.com")
        .or_else(|| {
            host.strip_suffix(".amazonaws.com")
                .filter(|rest| rest.contains(".rds."))
        })
        .and_then(|rest| rest.rsplit('.').next());
    region
        .and_then(|region| {
            RDS.split("\n# region ")
                .find_map(|part| part.strip_prefix(region)?.strip_prefix('\n'))
        })
        .unwrap_or_default()
}

fn add(roots: &mut RootCertStore, pem: &str) -> Result<(), DbError> {
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|_| DbError::Secret("`ca` is not in PEM"))?;
        roots
            .add(certificate)
            .map_err(|_| DbError::Secret("`ca` holds what is no certificate"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(pem: &str) -> usize {
        let mut roots = RootCertStore::empty();
        add(&mut roots, pem).expect("the file holds certificates");
        roots.len()
    }

    #[test]
    fn every_region_of_the_file_can_be_read_and_has_its_three_authorities() {
        let regions: Vec<&str> = RDS
            .lines()
            .filter_map(|line| line.strip_prefix("# region "))
            .collect();
        assert!(regions.len() >= 27, "{regions:?}");
        for region in regions {
            assert_eq!(
                count(rds(&format!("infragpt.abc123.{region}.rds.amazonaws.com"))),
                3,
                "{region}"
            );
        }
    }

    #[test]
    fn a_proxys_host_name_names_its_region_too_and_a_strangers_does_not() {
        assert_eq!(count(rds("p.proxy-abc.eu-central-1.rds.amazonaws.com.")), 3);
        assert_eq!(rds("db.example.com"), "");
        assert_eq!(rds("eu-central-1.rds.amazonaws.com.example.com"), "");
        assert_eq!(rds("x.mars-north-1.rds.amazonaws.com"), "");
    }

    #[test]
    fn a_ca_that_is_none_is_refused() {
        assert!(
            connector(
                "db.example.com",
                Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            )
            .is_err()
        );
        assert!(connector("db.example.com", None).is_ok());
    }
}
