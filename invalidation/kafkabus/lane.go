package kafkabus

import (
	"context"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/cachet-go/cachet/internal/backoff"
)

const (
	// linger is the least time between two batches of a partition, unless one is full. Whoever comes alone does not
	// wait; many at once share a request.
	linger = 5 * time.Millisecond
	// batchMessages and batchBytes bound a batch. The broker's limit is a MiB by default.
	batchMessages = 500
	batchBytes    = 1<<20 - 64<<10
	// produceTimeout bounds an attempt, half of it at the broker, which waits for its replicas.
	produceTimeout = 6 * time.Second
)

var produceBackoff = backoff.Policy{First: 50 * time.Millisecond, Most: 500 * time.Millisecond}

type item struct {
	message

	call *call
}

// lane writes the messages of one partition, one batch after the other, so that they keep their order: what fails is
// tried again before what came later.
type lane struct {
	producer  *producer
	topic     string
	partition int

	mu    sync.Mutex
	queue []item        // guarded by mu
	news  chan struct{} // holds a token if the queue may have something
}

func (l *lane) put(items []item) {
	l.mu.Lock()
	l.queue = append(l.queue, items...)
	l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// run writes until the producer ends.
func (l *lane) run(ctx context.Context) {
	var last time.Time // when a batch was sent
	most := batchBytes
	for ctx.Err() == nil {
		if !l.await(ctx, last) {
			break
		}
		batch := l.take(most)
		last = time.Now()
		most = l.write(ctx, batch, most)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, it := range l.queue {
		l.producer.drop(it)
	}
	l.queue = nil
}

// await waits until a batch may be sent, and reports whether the producer goes on.
func (l *lane) await(ctx context.Context, last time.Time) bool {
	for {
		l.mu.Lock()
		n := len(l.queue)
		l.mu.Unlock()
		pause := linger - time.Since(last)
		var timer <-chan time.Time
		switch {
		case n >= batchMessages, n > 0 && pause <= 0:
			return ctx.Err() == nil
		case n > 0:
			timer = time.After(pause)
		}
		select {
		case <-l.news:
		case <-timer:
		case <-ctx.Done():
			return false
		}
	}
}

// take removes a batch from the head of the queue.
func (l *lane) take(most int) []item {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, size := 0, 0
	for n < len(l.queue) && n < batchMessages {
		size += l.queue[n].size()
		if n > 0 && size > most {
			break
		}
		n++
	}
	batch := l.queue[:n:n]
	l.queue = l.queue[n:]
	return batch
}

// write sends a batch until each of its messages is settled. It returns how large a batch may be: less than before if
// the broker says so.
func (l *lane) write(ctx context.Context, batch []item, most int) int {
	for attempt := 0; ; attempt++ {
		if batch = l.begin(batch); len(batch) == 0 {
			return most
		}
		err := l.produce(ctx, batch)
		o := classify(err)
		if o == tooLarge && len(batch) > 1 {
			batch = l.end(batch, unsent, err)
			half := (len(batch) + 1) / 2
			most = max(most/2, 16<<10)
			most = min(most, l.write(ctx, batch[:half], most))
			return l.write(ctx, batch[half:], most)
		}
		if batch = l.end(batch, o, err); len(batch) == 0 {
			return most
		}
		l.producer.retries.Add(1)
		if !sleep(ctx, produceBackoff.Delay(attempt)) {
			for _, it := range batch {
				l.producer.drop(it)
			}
			return most
		}
	}
}

// begin returns those of batch that somebody waits for.
func (l *lane) begin(batch []item) []item {
	var still []item
	for _, it := range batch {
		if it.call.begin() {
			still = append(still, it)
		} else {
			l.producer.drop(it)
		}
	}
	return still
}

// end returns those of batch that are to be sent again.
func (l *lane) end(batch []item, o outcome, err error) []item {
	var again []item
	for _, it := range batch {
		if it.call.end(o, err) {
			again = append(again, it)
			continue
		}
		l.producer.settled(o)
	}
	return again
}

func (l *lane) produce(ctx context.Context, batch []item) error {
	records := make([]kafka.Record, len(batch))
	now := time.Now()
	for i, it := range batch {
		records[i] = kafka.Record{Time: now, Headers: it.headers}
		if it.key != nil {
			records[i].Key = kafka.NewBytes(it.key)
		}
		if it.value != nil {
			records[i].Value = kafka.NewBytes(it.value)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, produceTimeout)
	defer cancel()
	res, err := l.producer.client.Produce(ctx, &kafka.ProduceRequest{
		Topic: l.topic, Partition: l.partition, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
	})
	if err != nil {
		return err
	}
	return res.Error
}
