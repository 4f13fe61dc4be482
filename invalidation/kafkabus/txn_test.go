package kafkabus_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// txn is a transactional producer for one partition, which kafka-go has not.
type txn struct {
	r         *rig
	partition int
	name      string
	id        int
	epoch     int
	sequence  int
}

func (r *rig) txn(partition int) *txn {
	r.Helper()
	x := &txn{r: r, partition: partition, name: "txn." + rand.Text()}
	r.await("a producer id", func() bool { // the coordinator's topic is made by the first who asks
		res, err := r.client.InitProducerID(r.Context(), &kafka.InitProducerIDRequest{
			TransactionalID: x.name, TransactionTimeoutMs: 60_000, ProducerID: -1, ProducerEpoch: -1,
		})
		if err != nil || res.Error != nil {
			return false
		}
		x.id, x.epoch = res.Producer.ProducerID, res.Producer.ProducerEpoch
		return true
	})
	return x
}

type pair struct{ key, value string }

// write adds one batch to the transaction that is open, or begins one.
func (x *txn) write(pairs ...pair) {
	x.r.Helper()
	x.r.await("the partition in the transaction", func() bool { // the last one may not have ended everywhere
		res, err := x.r.client.AddPartitionsToTxn(x.r.Context(), &kafka.AddPartitionsToTxnRequest{
			TransactionalID: x.name, ProducerID: x.id, ProducerEpoch: x.epoch,
			Topics: map[string][]kafka.AddPartitionToTxn{x.r.cfg.Topic: {{Partition: x.partition}}},
		})
		return err == nil && res.Topics[x.r.cfg.Topic][0].Error == nil
	})
	batch := x.batch(pairs)
	x.r.await("the batch to be written", func() bool {
		res, err := x.r.client.RawProduce(x.r.Context(), &kafka.RawProduceRequest{
			Topic: x.r.cfg.Topic, Partition: x.partition, RequiredAcks: kafka.RequireAll, TransactionalID: x.name,
			RawRecords: protocol.RawRecordSet{Reader: bytes.NewReader(batch)},
		})
		return err == nil && (res.Error == nil || errors.Is(res.Error, kafka.DuplicateSequenceNumber))
	})
	x.sequence += len(pairs)
}

func (x *txn) end(commit bool) {
	x.r.Helper()
	x.r.await("the end of the transaction", func() bool {
		res, err := x.r.client.EndTxn(x.r.Context(), &kafka.EndTxnRequest{
			TransactionalID: x.name, ProducerID: x.id, ProducerEpoch: x.epoch, Committed: commit,
		})
		return err == nil && res.Error == nil
	})
}

// batch is a record batch of version 2, after its size.
func (x *txn) batch(pairs []pair) []byte {
	var records []byte
	for i, p := range pairs {
		body := []byte{0}                          // attributes
		body = binary.AppendVarint(body, 0)        // timestamp delta
		body = binary.AppendVarint(body, int64(i)) // offset delta
		body = binary.AppendVarint(body, int64(len(p.key)))
		body = append(body, p.key...)
		body = binary.AppendVarint(body, int64(len(p.value)))
		body = append(body, p.value...)
		body = binary.AppendVarint(body, 0) // headers
		records = binary.AppendVarint(records, int64(len(body)))
		records = append(records, body...)
	}
	now := uint64(time.Now().UnixMilli())
	var tail []byte // what the checksum covers
	tail = binary.BigEndian.AppendUint16(tail, uint16(protocol.Transactional))
	tail = binary.BigEndian.AppendUint32(tail, uint32(len(pairs)-1)) // last offset delta
	tail = binary.BigEndian.AppendUint64(tail, now)
	tail = binary.BigEndian.AppendUint64(tail, now)
	tail = binary.BigEndian.AppendUint64(tail, uint64(x.id))
	tail = binary.BigEndian.AppendUint16(tail, uint16(x.epoch))
	tail = binary.BigEndian.AppendUint32(tail, uint32(x.sequence))
	tail = binary.BigEndian.AppendUint32(tail, uint32(len(pairs)))
	tail = append(tail, records...)

	var all []byte
	all = binary.BigEndian.AppendUint32(all, uint32(8+4+4+1+4+len(tail)))
	all = binary.BigEndian.AppendUint64(all, 0) // base offset
	all = binary.BigEndian.AppendUint32(all, uint32(4+1+4+len(tail)))
	all = binary.BigEndian.AppendUint32(all, ^uint32(0)) // leader epoch
	all = append(all, 2)                                 // version
	all = binary.BigEndian.AppendUint32(all, crc32.Checksum(tail, crc32.MakeTable(crc32.Castagnoli)))
	return append(all, tail...)
}
