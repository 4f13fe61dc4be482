package cachet_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
)

func TestOneLoadServesAThousandReaders(t *testing.T) {
	b := newBed(t)
	for _, batch := range []bool{false, true} {
		t.Run(fmt.Sprintf("batch=%v", batch), func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				const readers = 1000
				src := newSource(map[string]string{"k": "v1"})
				first := src.hold(t, 1)
				c := open(t, p, src.config(batch))
				var done sync.WaitGroup
				for i := range readers {
					done.Go(func() {
						read := ways["Get"]
						if i%2 == 0 {
							read = ways["GetMany"]
						}
						v, err := read(t.Context(), c, "k")
						assert.NoError(t, err)
						assert.Equal(t, "v1", v)
					})
				}
				until(t, "all wait", func() bool { return c.Stats().Merged == readers-1 })
				first.resume()
				done.Wait()
				require.Equal(t, 1, src.count())
				stats := c.Stats()
				require.EqualValues(t, readers, stats.Hits+stats.Misses)
				require.InDelta(t, 1, stats.MergeRatio(), 0.01)
			})
		})
	}
}

// Two caches on one store are two processes.
func TestOneLoadServesTwoProcesses(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		first := src.hold(t, 1)
		one, two := open(t, p, src.config(false)), open(t, p, src.config(false))
		here := reader(t.Context(), one, "k")
		first.awaitRead(t)
		there := []<-chan answer{reader(t.Context(), two, "k"), batchReader(t.Context(), two, "k")}
		until(t, "they wait", func() bool { return two.Stats().Waits == 1 && two.Stats().Merged == 1 })
		first.resume()
		for _, w := range append(there, here) {
			a := receive(t, "a reader", w)
			require.NoError(t, a.err)
			require.Equal(t, "v1", a.value)
		}
		require.Equal(t, 1, src.count())
		require.Zero(t, two.Stats().Loads)
	})
}

// A load that takes many times as long as a lease keeps it.
func TestLoadSlowerThanALeaseIsStillTheOnlyOne(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		first := src.hold(t, 1)
		one, two := open(t, p, src.config(false)), open(t, p, src.config(true))
		here := reader(t.Context(), one, "k")
		first.awaitRead(t)
		there := reader(t.Context(), two, "k")
		time.AfterFunc(2500*time.Millisecond, first.resume)
		for _, w := range []<-chan answer{here, there} {
			a := receive(t, "a reader", w)
			require.NoError(t, a.err)
			require.Equal(t, "v1", a.value)
		}
		require.Equal(t, 1, src.count())
		_, ok, err := two.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, ok, "the fill was refused")
	})
}

// The failure of a load sends the other processes that waited for it on their own way without delay.
func TestFailedLoadSendsOtherProcessesOnToTheirOwn(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		begin := make(chan struct{})
		var calls atomic.Int64
		one := open(t, p, cachet.Config[string, string]{
			Load: func(context.Context, string) (string, error) { calls.Add(1); <-begin; return "", errSource },
		})
		two := open(t, p, newSource(map[string]string{"k": "v1"}).config(false))
		here := reader(t.Context(), one, "k")
		until(t, "the load begins", func() bool { return calls.Load() == 1 })
		there := reader(t.Context(), two, "k")
		until(t, "the other waits", func() bool { return two.Stats().Waits == 1 })
		time.Sleep(400 * time.Millisecond) // by now it looks rarely
		failed := time.Now()
		close(begin)
		require.ErrorIs(t, receive(t, "the leader", here).err, errSource)
		a := receive(t, "the other", there)
		require.NoError(t, a.err)
		require.Equal(t, "v1", a.value)
		require.Less(t, time.Since(failed), p.about(50*time.Millisecond))
	})
}

// Whoever has waited for a load that failed does not wait for the next one, which may fail as well: of a hundred processes the
// last one would wait for a hundred failures.
func TestNobodyWaitsForTheNextLoadAfterOneHasFailed(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var calls atomic.Int64
		fail, end := make(chan struct{}), make(chan struct{})
		load := func(ctx context.Context, _ string) (string, error) {
			if calls.Add(1) == 1 {
				<-fail
				return "", errSource
			}
			select {
			case <-end:
			case <-ctx.Done():
			}
			return "v1", ctx.Err()
		}
		var reads []<-chan answer
		for i := range 3 {
			c := open(t, p, cachet.Config[string, string]{Load: load})
			reads = append(reads, reader(t.Context(), c, "k"))
			if i == 0 {
				until(t, "the load begins", func() bool { return calls.Load() == 1 })
			} else {
				until(t, "another waits", func() bool { return c.Stats().Waits == 1 })
			}
		}
		time.Sleep(100 * time.Millisecond)
		failed := time.Now()
		close(fail)
		require.ErrorIs(t, receive(t, "the leader", reads[0]).err, errSource)
		until(t, "both load", func() bool { return calls.Load() == 3 })
		require.Less(t, time.Since(failed), p.about(time.Second))
		close(end)
		allRead(t, "v1", reads[1:])
	})
}

// about is d where time is exact, and more where the machine may be busy.
func (p place) about(d time.Duration) time.Duration {
	if p.inBubble() {
		return d
	}
	return d + 500*time.Millisecond
}

func TestCallerReturnsAtItsDeadlineAndTheLoadGoesOn(t *testing.T) {
	b := newBed(t)
	for name, read := range ways {
		t.Run(name, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				src := newSource(map[string]string{"k": "v1"})
				first := src.hold(t, 1)
				c := open(t, p, src.config(false))
				patient := reader(t.Context(), c, "k")
				first.awaitRead(t)

				const deadline = 50 * time.Millisecond
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				start := time.Now()
				if name == "Fresh" { // which has its own load
					src.hold(t, 2)
				}
				_, err := read(ctx, c, "k")
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.GreaterOrEqual(t, time.Since(start), deadline)
				require.LessOrEqual(t, time.Since(start), p.about(deadline))

				first.resume()
				a := receive(t, "the patient one", patient)
				require.NoError(t, a.err)
				require.Equal(t, "v1", a.value)
			})
		})
	}
}

func TestFirstCallersCancellationHarmsNobody(t *testing.T) {
	b := newBed(t)
	for name, read := range ways {
		if name == "Fresh" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				src := newSource(map[string]string{"k": "v1"})
				load := src.hold(t, 1)
				c := open(t, p, src.config(true))
				ctx, cancel := context.WithCancel(t.Context())
				first := ask(func() (string, error) { return read(ctx, c, "k") })
				load.awaitRead(t)
				others := []<-chan answer{reader(t.Context(), c, "k"), batchReader(t.Context(), c, "k")}
				until(t, "others join", func() bool { return c.Stats().Merged == 2 })
				cancel()
				require.ErrorIs(t, receive(t, "the first", first).err, context.Canceled)
				load.resume()
				for _, w := range others {
					a := receive(t, "another", w)
					require.NoError(t, a.err)
					require.Equal(t, "v1", a.value)
				}
				require.Equal(t, 1, src.count())
			})
		})
	}
}

func TestLastCallerToLeaveCancelsTheLoad(t *testing.T) {
	b := newBed(t)
	for _, keys := range [][]string{{"k"}, {"k", "l", "m"}} {
		t.Run(fmt.Sprint(len(keys)), func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				began, cancelled := make(chan struct{}), make(chan error, 1)
				var calls atomic.Int64
				c := open(t, p, cachet.Config[string, string]{
					LoadMany: func(ctx context.Context, keys []string) (map[string]string, error) {
						if calls.Add(1) > 1 {
							return map[string]string{"k": "v1"}, nil
						}
						close(began)
						<-ctx.Done()
						cancelled <- ctx.Err()
						return nil, ctx.Err()
					},
				})
				var leave []context.CancelFunc
				caller := func() context.Context {
					ctx, cancel := context.WithCancel(t.Context())
					leave = append(leave, cancel)
					return ctx
				}
				callers := []<-chan answer{batchReader(caller(), c, keys[0], keys[1:]...)}
				receive(t, "the load begins", began)
				callers = append(callers, reader(caller(), c, "k"), reader(caller(), c, "k"))
				until(t, "they wait", func() bool { return c.Stats().Merged == 2 })
				for i, w := range callers {
					require.Empty(t, cancelled, "the load ended while somebody waited")
					leave[i]()
					require.ErrorIs(t, receive(t, "a caller", w).err, context.Canceled)
				}
				require.ErrorIs(t, receive(t, "the load is cancelled", cancelled), context.Canceled)

				start := time.Now()
				v, err := c.Get(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, "v1", v)
				require.Less(t, time.Since(start), p.about(50*time.Millisecond), "the key was not free")
				require.Zero(t, c.Stats().LoadErrors, "that nobody waits is no failure")
			})
		})
	}
}

func TestLoaderSeesTheValuesOfItsCallersContextAndNotItsEnd(t *testing.T) {
	b := newBed(t)
	type ctxKey struct{}
	for name, read := range ways {
		t.Run(name, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				c := open(t, p, shaped("both", func(ctx context.Context, _ string) (string, error) {
					deadline, ok := ctx.Deadline()
					assert.True(t, ok)
					assert.InDelta(t, 5*time.Second, time.Until(deadline), float64(time.Second))
					v, _ := ctx.Value(ctxKey{}).(string)
					return v, nil
				}))
				ctx, cancel := context.WithTimeout(context.WithValue(t.Context(), ctxKey{}, "trace"), time.Hour)
				defer cancel()
				v, err := read(ctx, c, "k")
				require.NoError(t, err)
				require.Equal(t, "trace", v)
			})
		})
	}
}

func TestMaxLoadsBoundsTheLoadsUnderWay(t *testing.T) {
	b := newBed(t)
	for shape := range shapes {
		t.Run(shape, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				const most, keys = 3, 40
				var now, peak atomic.Int64
				cfg := shaped(shape, func(_ context.Context, key string) (string, error) {
					n := now.Add(1)
					defer now.Add(-1)
					for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
					}
					time.Sleep(5 * time.Millisecond)
					return key, nil
				})
				cfg.MaxLoads = most
				c := open(t, p, cfg)
				var done sync.WaitGroup
				for i := range keys {
					key := fmt.Sprint(i)
					done.Go(func() {
						opts := []cachet.Option{}
						if i%5 == 0 {
							opts = append(opts, cachet.Fresh())
						}
						v, err := c.Get(t.Context(), key, opts...)
						assert.NoError(t, err)
						assert.Equal(t, key, v)
					})
				}
				var many []string
				for i := range keys {
					many = append(many, fmt.Sprint("many", i))
				}
				m, err := c.GetMany(t.Context(), many)
				require.NoError(t, err)
				require.Len(t, m, keys)
				done.Wait()
				require.LessOrEqual(t, peak.Load(), int64(most))
				require.EqualValues(t, most, peak.Load(), "the slots are not used")
			})
		})
	}
}

func TestCallerThatWaitsForASlotLearnsOfTheOverload(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"a": "1", "b": "2"})
		load := src.hold(t, 1)
		cfg := src.config(false)
		cfg.MaxLoads = 1
		c := open(t, p, cfg)
		busy := reader(t.Context(), c, "a")
		load.awaitRead(t)
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		leader, follower := reader(ctx, c, "b"), batchReader(ctx, c, "b")
		for _, w := range []<-chan answer{leader, follower} {
			a := receive(t, "a caller", w)
			require.ErrorIs(t, a.err, cachet.ErrOverloaded)
			require.ErrorIs(t, a.err, context.DeadlineExceeded)
			require.LessOrEqual(t, a.took, p.about(500*time.Millisecond))
		}
		_, err := c.Get(ctx, "a")
		require.NotErrorIs(t, err, cachet.ErrOverloaded, "a load that has its slot is no overload")
		load.resume()
		require.NoError(t, receive(t, "the first", busy).err)
		v, err := c.Get(t.Context(), "b")
		require.NoError(t, err)
		require.Equal(t, "2", v)
	})
}

// A hung loader gives its slot back after LoadTimeout, and so does what queued behind it.
func TestHungLoadersDoNotKeepTheirSlots(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		end := make(chan struct{})
		defer close(end)
		var calls atomic.Int64
		c := open(t, p, cachet.Config[string, string]{
			MaxLoads: 2, LoadTimeout: loadTimeout,
			Load: func(context.Context, string) (string, error) {
				if calls.Add(1) <= 2 {
					<-end
				}
				return "v", nil
			},
		})
		one, two := reader(t.Context(), c, "1"), reader(t.Context(), c, "2")
		until(t, "both hang", func() bool { return calls.Load() == 2 })
		queued := receive(t, "one that queues", reader(t.Context(), c, "3"))
		require.True(t, queued.err == nil || errors.Is(queued.err, cachet.ErrOverloaded), "%v", queued.err)
		require.ErrorIs(t, receive(t, "one", one).err, cachet.ErrLoadTimeout)
		require.ErrorIs(t, receive(t, "two", two).err, cachet.ErrLoadTimeout)
		v, err := c.Get(t.Context(), "4")
		require.NoError(t, err)
		require.Equal(t, "v", v)
	})
}
