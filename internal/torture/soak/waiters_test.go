package soak_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/redistest"
)

// figures is for a machine that has nothing else to do.
var figures = flag.Bool("torture.figures", false, "measure at length, and hold the figures to their bounds")

// storm has 1,000 readers read key at once and returns what they waited, shortest first, and how many had an error.
func storm(caches []*cachet.Cache[string, int64], key string) (waits []time.Duration, failed int64) {
	const readers = 1000
	waits = make([]time.Duration, readers)
	var (
		all, ready sync.WaitGroup
		errs       atomic.Int64
		start      = make(chan struct{})
	)
	ready.Add(readers)
	for i := range readers {
		all.Go(func() {
			ready.Done()
			<-start
			began := time.Now()
			if _, err := caches[i%len(caches)].Get(context.Background(), key); err != nil {
				errs.Add(1)
			}
			waits[i] = time.Since(began)
		})
	}
	ready.Wait()
	close(start)
	all.Wait()
	slices.Sort(waits)
	return waits, errs.Load()
}

func TestReadersOfAColdKeyWaitHardlyLongerThanItsLoad(t *testing.T) {
	for _, c := range []struct {
		load, p99 time.Duration
	}{{20 * time.Millisecond, 40 * time.Millisecond}, {200 * time.Millisecond, 215 * time.Millisecond}} {
		t.Run(c.load.String(), func(t *testing.T) {
			server := redistest.Start(t)
			var loads atomic.Int64
			caches := instances(t, server, 4, 0, func(context.Context, string) (int64, error) {
				time.Sleep(c.load)
				return loads.Add(1), nil
			})
			runs := 2
			if *figures {
				runs = 20
			}
			storm(caches, "warm")
			for run := range runs {
				before := loads.Load()
				waits, failed := storm(caches, fmt.Sprint("k", run))
				require.Zero(t, failed)
				require.EqualValues(t, 1, loads.Load()-before)
				p99 := waits[len(waits)*99/100]
				t.Logf("p50 %v, p99 %v, most %v", waits[len(waits)/2], p99, waits[len(waits)-1])
				if *figures {
					assert.LessOrEqual(t, p99, c.p99)
				}
			}
		})
	}
}

func TestReadersOfAColdKeyHearSoonThatItsLoadFailed(t *testing.T) {
	server := redistest.Start(t)
	caches := instances(t, server, 4, 0, func(context.Context, string) (int64, error) {
		time.Sleep(20 * time.Millisecond)
		return 0, errors.New("no database here")
	})
	runs := 2
	if *figures {
		runs = 20
	}
	storm(caches, "warm")
	for run := range runs {
		waits, failed := storm(caches, fmt.Sprint("k", run))
		require.EqualValues(t, len(waits), failed)
		t.Logf("p50 %v, most %v", waits[len(waits)/2], waits[len(waits)-1])
		if *figures {
			assert.LessOrEqual(t, waits[len(waits)-1], 60*time.Millisecond)
		}
	}
}
