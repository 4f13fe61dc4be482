package kafkabus_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

// plainly makes an event of any message, with its value as the id.
func plainly(m invalidation.Message) ([]invalidation.Event, error) {
	id := "tombstone " + string(m.Key)
	if m.Value != nil {
		id = string(m.Value)
	}
	return []invalidation.Event{{ID: id, Keys: []string{"k"}}}, nil
}

func plain(c *kafkabus.Config) { c.Decoder = plainly }

func TestTransactionsNeitherStallNorShowTheirMarkers(t *testing.T) {
	r := newRig(t, 1)
	one, two := r.txn(0), r.txn(0)
	one.write(pair{"a", "committed 1"}, pair{"b", "committed 2"})
	one.end(true) // the last thing in the log for now is a marker
	d := newSeen()
	s := r.subscriber(plain)
	r.subscribe(s, d.handle)
	r.await("the first transaction, and its marker", func() bool { return r.committed(0) == 3 })

	one.write(pair{"c", "aborted"})
	one.end(false)
	two.write(pair{"d", "committed 3"})
	one.write(pair{"e", "open"}) // this transaction never ends: it must not hold up what comes after it
	two.end(true)
	r.produce(0, kafka.Record{Value: kafka.NewBytes([]byte("after"))})
	r.await("what comes after", func() bool { return d.all([]string{"after"}) })
	r.await("the commit", func() bool { return r.committed(0) == 9 })

	require.True(t, d.all([]string{"committed 1", "committed 2", "committed 3", "after"}))
	require.True(t, d.all([]string{"aborted", "open"}), "harmless, and documented")
	require.Equal(t, 6, d.len(), "markers are no messages: %v", d.count)
	require.Zero(t, d.repeated())
	require.Empty(t, s.Stats().DeadLetters)
}

func TestATombstoneIsToldFromAnEmptyValue(t *testing.T) {
	r := newRig(t, 1)
	r.produce(
		0,
		kafka.Record{Key: kafka.NewBytes([]byte("a")), Value: kafka.NewBytes(nil)},
		kafka.Record{Key: kafka.NewBytes([]byte("b")), Value: kafka.NewBytes([]byte{})},
		kafka.Record{Key: kafka.NewBytes([]byte{}), Value: kafka.NewBytes([]byte("v"))},
		kafka.Record{Key: nil, Value: kafka.NewBytes([]byte("w"))},
	)
	got := make(chan invalidation.Message, 4)
	s := r.subscriber(func(c *kafkabus.Config) {
		c.Decoder = func(m invalidation.Message) ([]invalidation.Event, error) {
			got <- m
			return nil, nil
		}
	})
	r.subscribe(s, newSeen().handle)
	tombstone, empty, noKey, nilKey := <-got, <-got, <-got, <-got
	require.Nil(t, tombstone.Value)
	require.NotNil(t, empty.Value)
	require.Empty(t, empty.Value)
	require.NotNil(t, noKey.Key)
	require.Nil(t, nilKey.Key)
	r.await("the commit, though there was no event", func() bool { return r.committed(0) == 4 })
	require.EqualValues(t, 1, s.Stats().Tombstones)
}

// compacting starts a broker that compacts without delay, and makes a topic there.
func compacting(t *testing.T) *rig {
	t.Helper()
	broker := kafkatest.Start(
		t, "log.cleaner.backoff.ms=50", "log.retention.check.interval.ms=200", "broker.session.timeout.ms=9000",
	)
	r := rigOn(t, broker.Addr, 0)
	res, err := r.client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: r.cfg.Topic, NumPartitions: 1, ReplicationFactor: 1,
		ConfigEntries: []kafka.ConfigEntry{
			{ConfigName: "cleanup.policy", ConfigValue: "compact"},
			{ConfigName: "min.cleanable.dirty.ratio", ConfigValue: "0.001"},
			{ConfigName: "segment.ms", ConfigValue: "100"},
			{ConfigName: "delete.retention.ms", ConfigValue: "100"},
		},
	}}})
	require.NoError(t, err)
	require.NoError(t, res.Errors[r.cfg.Topic])
	return r
}

// batches returns how many batches the log has, how many of them have been emptied, and how many records there are.
func (r *rig) batches() (all, empty, records int) {
	r.Helper()
	for at, end := int64(0), int64(1); at < end; {
		res, err := r.client.Fetch(r.Context(), &kafka.FetchRequest{
			Topic: r.cfg.Topic, Offset: at, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: 100 * time.Millisecond,
		})
		if err != nil || res.Error != nil {
			time.Sleep(100 * time.Millisecond)
			continue
		}
		end = res.HighWatermark
		stream, ok := res.Records.(*protocol.RecordStream)
		if !ok {
			return all, empty, records
		}
		for _, b := range stream.Records {
			all++
			n := 0
			for {
				rec, err := b.ReadRecord()
				if err != nil {
					break
				}
				n++
				at = max(at, rec.Offset+1)
			}
			records += n
			if n == 0 {
				empty++
			}
			at = max(at, b.(interface{ Offset() int64 }).Offset()+1)
		}
	}
	return all, empty, records
}

func TestBatchesThatCompactionHasEmptiedNeitherStallNorSkip(t *testing.T) {
	r := compacting(t)
	keys := make([]pair, 50)
	for round := range 4 { // each producer's last batch stays in the log, if only as a shell
		for i := range keys {
			keys[i] = pair{fmt.Sprint("k", i), fmt.Sprint("v", i, " ", round)}
		}
		x := r.txn(0)
		x.write(keys...)
		x.end(true)
		time.Sleep(150 * time.Millisecond) // for the segment to be rolled by the next
	}
	r.produce(0, kafka.Record{Key: kafka.NewBytes([]byte("end")), Value: kafka.NewBytes([]byte("end 1"))})
	r.await("emptied batches", func() bool {
		time.Sleep(150 * time.Millisecond)
		r.produce(0, kafka.Record{Key: kafka.NewBytes([]byte("end")), Value: kafka.NewBytes([]byte("end 2"))})
		_, empty, _ := r.batches()
		return empty >= 3
	})
	all, empty, records := r.batches()
	t.Logf("%d batches, %d of them empty, %d records", all, empty, records)

	d := newSeen()
	s := r.subscriber(plain)
	s.Timing(100, 500*time.Millisecond, 5*time.Second, time.Second, 30*time.Second) // one batch per fetch
	began := time.Now()
	r.subscribe(s, d.handle)
	var want []string
	for _, p := range keys {
		want = append(want, p.value)
	}
	r.await("the last value of each key", func() bool { return d.all(append(want, "end 2")) })
	t.Logf("passed after %v", time.Since(began))
}

func TestACompactedTopicIsConsumedWhileItIsCompacted(t *testing.T) {
	takesLong(t)
	r := compacting(t)
	d := newSeen()
	var mu sync.Mutex
	latest := make(map[string]string)
	s := r.subscriber(func(c *kafkabus.Config) {
		c.Decoder = func(m invalidation.Message) ([]invalidation.Event, error) {
			mu.Lock()
			defer mu.Unlock()
			latest[string(m.Key)] = string(m.Value)
			return plainly(m)
		}
	})
	s.Timing(4<<10, 100*time.Millisecond, 5*time.Second, time.Second, 30*time.Second)
	r.subscribe(s, d.handle)
	want := make(map[string]string)
	began, restarts := time.Now(), 0
	for i := 0; time.Since(began) < *soak; i++ {
		x := r.txn(0)
		pairs := make([]pair, 20)
		for j := range pairs {
			pairs[j] = pair{fmt.Sprint("k", (i*7+j)%100), fmt.Sprint("v", i, " ", j)}
		}
		x.write(pairs...)
		x.end(i%5 != 0)
		for _, p := range pairs {
			want[p.key] = p.value
		}
		key := fmt.Sprint("t", i%10)
		r.produce(0, kafka.Record{Key: kafka.NewBytes([]byte(key))}) // a tombstone
		want[key] = ""
		time.Sleep(20 * time.Millisecond)
		if i%200 == 199 { // a new group begins in what compaction has left
			restarts++
			late := newSeen()
			s := r.subscriber(plain, func(c *kafkabus.Config) { c.Group += fmt.Sprint(i) })
			stop := r.subscribe(s, late.handle)
			r.await("a late group", func() bool { return late.all([]string{pairs[19].value}) })
			stop()
		}
	}
	r.produce(0, kafka.Record{Value: kafka.NewBytes([]byte("end")), Key: kafka.NewBytes([]byte("end"))})
	want["end"] = "end"
	r.await("the end", func() bool { return d.all([]string{"end"}) })
	mu.Lock()
	defer mu.Unlock()
	require.Equal(t, want, latest)
	all, empty, records := r.batches()
	t.Logf("%d messages consumed, %d late groups; in the end %d batches, %d of them empty, %d records",
		s.Stats().Messages, restarts, all, empty, records)
}
