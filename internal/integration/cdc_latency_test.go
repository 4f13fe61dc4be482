package integration_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// latency measures how long a copy outlives the commit of its record.
func (w *cdcWorld) latency() {
	const records, pause = 200, 20 * time.Millisecond
	names := make([]string, records)
	for i := range names {
		names[i] = fmt.Sprintf("user:%d", 1000+i)
	}
	w.fill(names...)
	for i := range names {
		w.exec(fmt.Sprintf("INSERT INTO users VALUES (%d, '%d@x', 'x')", 1000+i, i))
	}
	w.gone(names...) // the inserts are through
	w.fill(names...)

	committed := make([]time.Time, records)
	next := make(chan int, records)
	late := make(chan []time.Duration)
	go func() { late <- w.watch(names, committed, next) }()
	for i := range names {
		w.exec(fmt.Sprintf("UPDATE users SET name = 'y' WHERE id = %d", 1000+i))
		committed[i] = time.Now()
		next <- i
		time.Sleep(pause)
	}
	close(next)
	cdcReport(w.T, <-late)
}

// watch returns how long each key whose index comes from next stays.
func (w *cdcWorld) watch(names []string, committed []time.Time, next <-chan int) []time.Duration {
	client := w.redis.Client(w.T)
	deadline := time.After(time.Minute)
	var late []time.Duration
	for open := []int(nil); next != nil || len(open) > 0; {
		select {
		case i, ok := <-next:
			if ok {
				open = append(open, i)
			} else {
				next = nil
			}
		case <-time.After(time.Millisecond):
		case <-deadline:
			w.Errorf("%d keys are still there", len(open))
			return late
		}
		if len(open) == 0 {
			continue
		}
		keys := make([]string, len(open))
		for j, i := range open {
			keys[j] = names[i]
		}
		values, err := client.MGet(context.Background(), keys...).Result()
		now := time.Now()
		if err != nil {
			w.Errorf("MGET: %v", err)
			return late
		}
		var left []int
		for j, i := range open {
			if values[j] != nil {
				left = append(left, i)
			} else {
				late = append(late, now.Sub(committed[i]))
			}
		}
		open = left
	}
	return late
}

// cdcReport prints quantiles.
func cdcReport(t *testing.T, late []time.Duration) {
	t.Helper()
	require.NotEmpty(t, late)
	sorted := slices.Sorted(slices.Values(late))
	line := fmt.Sprintf("%s: commit to deleted: p50 %v, p99 %v, max %v (%d records)", t.Name(),
		sorted[len(sorted)/2].Round(time.Millisecond), sorted[len(sorted)*99/100].Round(time.Millisecond),
		sorted[len(sorted)-1].Round(time.Millisecond), len(sorted))
	fmt.Fprintln(os.Stderr, line)
	assert.Less(t, sorted[len(sorted)/2], 10*time.Second)
}
