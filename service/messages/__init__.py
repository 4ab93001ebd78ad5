"""What a person reads: facts become a neutral message (`of_notice`, `of_order`), the message becomes text (`plain`). Pure."""
