"""The audit: who asked, approved, ordered and stopped what, as chains of entries that prove each other. Pure."""
