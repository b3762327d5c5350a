//! Who is calling: session tokens of people who signed in with Clerk.
