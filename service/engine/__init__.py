"""What owns partitions and folds them: the owner, the owners of a process, its rounds, and who only follows."""
