"""What is shown to people: tables, stories, pictures."""
