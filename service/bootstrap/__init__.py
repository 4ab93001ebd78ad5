"""The one place where parts meet: the embedded service, workers on Kafka, and the door on Kafka."""
