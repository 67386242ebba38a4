"""The web application: thin. It asks `conduct`, and shows what the record and the rules say."""
