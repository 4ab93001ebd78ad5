"""Log and snapshots on Apache Kafka: topics of one prefix, an aiokafka client each for what is written, read and asked.

Only this folder and `service.shells.worker` know aiokafka; what the adapters raise is a LogError that names the topic, the brokers and a way
out. They may be used from any thread and any event loop, as the others: the clients live on a loop and a thread of their own
(`cluster.py`), so a fold that takes long keeps no acknowledgement waiting and no connection from being kept alive.
"""

from service.log.kafka.cluster import Cluster
from service.log.kafka.log import KafkaLog
from service.log.kafka.snapshots import KafkaSnapshots
from service.log.kafka.topics import topics
from service.log.kafka.upkeep import check, make

__all__ = ["Cluster", "KafkaLog", "KafkaSnapshots", "check", "make", "topics"]
