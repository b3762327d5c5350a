//! People, organizations and memberships, as Clerk tells of them.
