package kafkatest

import (
	"encoding/binary"
	"fmt"
	"net"
	"time"
)

// metadataRequest asks for the cluster's brokers, and for no topic. A broker answers it as soon as it listens, but
// counts itself among them only when the controller lets it lead partitions, which is what a test waits for.
var metadataRequest = []byte{
	0, 0, 0, 18, // size of what follows
	0, 3, 0, 1, // Metadata, version 1
	0, 0, 0, 7, // correlation
	0, 4, 't', 'e', 's', 't', // client
	0, 0, 0, 0, // topics
}

// serves returns nil if the broker at addr is one of its cluster's brokers.
func serves(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second) //nolint:noctx // it has a time-out
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing is lost
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := conn.Write(metadataRequest); err != nil {
		return err
	}
	var head struct{ Size, Correlation, Brokers int32 }
	if err := binary.Read(conn, binary.BigEndian, &head); err != nil {
		return err
	}
	if head.Brokers != 1 {
		return fmt.Errorf("%d brokers", head.Brokers)
	}
	return nil
}
