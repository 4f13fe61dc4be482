package flight_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/flight"
)

func join(t *testing.T, g *flight.Group, key string) (*flight.Flight, flight.Ticket, bool) {
	t.Helper()
	return g.Join(t.Context(), key, false)
}

func TestFirstCallerLeadsAndOthersJoin(t *testing.T) {
	var g flight.Group
	f, first, lead := join(t, &g, "k")
	require.True(t, lead)
	last := first
	for range 5 {
		same, ticket, lead := join(t, &g, "k")
		require.False(t, lead)
		require.Same(t, f, same)
		require.Greater(t, ticket, last, "tickets tell who came first")
		last = ticket
		require.Equal(t, ticket, f.Mark())
	}
	other, _, lead := join(t, &g, "l")
	require.True(t, lead)
	require.NotSame(t, f, other)
}

// Whoever came after the mark must not have what was asked of the world before it.
func TestResultIsGoodForTheTicketsUpToItsMark(t *testing.T) {
	var g flight.Group
	f, first, _ := join(t, &g, "k")
	_, early, _ := join(t, &g, "k")
	mark := f.Mark()
	_, late, _ := join(t, &g, "k")
	f.Finish("v", mark)
	for ticket, want := range map[flight.Ticket]bool{first: true, early: true, late: false} {
		v, ok, err := f.Wait(t.Context(), ticket)
		require.NoError(t, err)
		require.Equal(t, want, ok, "ticket %d", ticket)
		if ok {
			require.Equal(t, "v", v)
		}
	}
}

func TestClosedFlightIsNotJoined(t *testing.T) {
	for name, end := range map[string]func(*flight.Flight){
		"closed":       func(f *flight.Flight) { f.Close() },
		"closed twice": func(f *flight.Flight) { f.Close(); f.Close() },
		"finished":     func(f *flight.Flight) { f.Finish(nil, f.Mark()) },
	} {
		t.Run(name, func(t *testing.T) {
			var g flight.Group
			f, _, _ := join(t, &g, "k")
			_, last, _ := join(t, &g, "k")
			end(f)
			require.Equal(t, last, f.Close(), "nobody has come since")
			next, _, lead := join(t, &g, "k")
			require.True(t, lead)
			require.NotSame(t, f, next)
			f.Close()
			again, _, lead := join(t, &g, "k")
			require.False(t, lead, "an old flight has closed a new one")
			require.Same(t, next, again)
		})
	}
}

// Who was turned away by an earlier flight came before the next was opened, and may have all of its results.
func TestCallerWhoComesAgainIsEarly(t *testing.T) {
	var g flight.Group
	f, first, _ := join(t, &g, "k")
	mark := f.Mark()
	join(t, &g, "k")
	same, ticket, lead := g.Join(t.Context(), "k", true)
	require.False(t, lead)
	require.Same(t, f, same)
	require.Equal(t, first, ticket)
	require.LessOrEqual(t, ticket, mark)
	require.Equal(t, mark+1, f.Mark(), "it took a newcomer's place")
}

func TestNobodyJoinsAFlightAlone(t *testing.T) {
	var g flight.Group
	f, ticket := g.Alone(t.Context())
	require.LessOrEqual(t, ticket, f.Mark())
	for _, key := range []string{"", "k"} {
		other, _, lead := join(t, &g, key)
		require.True(t, lead)
		require.NotSame(t, f, other)
	}
	named, _, lead := join(t, &g, "")
	require.False(t, lead)
	f.Close()
	again, _, lead := join(t, &g, "")
	require.False(t, lead, "it has closed the flight of the empty key")
	require.Same(t, named, again)
	f.Finish("v", f.Mark())
	v, ok, err := f.Wait(t.Context(), ticket)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "v", v)
}

func TestContextOfAFlightHasTheValuesOfItsLeaderAndNotItsEnd(t *testing.T) {
	type ctxKey struct{}
	var g flight.Group
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), ctxKey{}, 7))
	f, _, _ := g.Join(ctx, "k", false)
	cancel()
	require.NoError(t, f.Context().Err())
	require.Equal(t, 7, f.Context().Value(ctxKey{}))
	f.Finish(nil, 0)
	require.Error(t, f.Context().Err())
}

// The flight goes on as long as one caller waits. When the last one leaves it is closed and its context ends.
func TestLastCallerToLeaveEndsTheFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g flight.Group
		f, ticket, _ := join(t, &g, "k")
		var leave []context.CancelFunc
		left := make(chan error)
		wait := func(ticket flight.Ticket) {
			ctx, cancel := context.WithCancel(t.Context())
			leave = append(leave, cancel)
			go func() {
				_, ok, err := f.Wait(ctx, ticket)
				assert.False(t, ok)
				left <- err
			}()
		}
		wait(ticket)
		_, ticket, _ = join(t, &g, "k")
		wait(ticket)
		_, ticket, _ = g.Join(t.Context(), "k", true)
		wait(ticket)
		for _, cancel := range leave {
			require.NoError(t, f.Context().Err(), "somebody waits")
			cancel()
			require.ErrorIs(t, <-left, context.Canceled)
		}
		require.Error(t, f.Context().Err())
		_, _, lead := join(t, &g, "k")
		require.True(t, lead, "an abandoned flight was joined")
		f.Finish("late", f.Mark()) // as its leader will
	})
}

// A result that is there is had, by a caller whose time is over too.
func TestResultThatIsThereIsPreferredToTheEndOfAContext(t *testing.T) {
	var g flight.Group
	f, ticket, _ := join(t, &g, "k")
	f.Finish("v", f.Mark())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		v, ok, err := f.Wait(ctx, ticket)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, "v", v)
	}
}

// Each caller notes the clock before it joins and is never handed a result whose work began before that, unless the
// fill was accepted, which is to say that the flight was closed before the world moved on.
func TestNoCallerIsHandedWhatWasReadBeforeItCame(t *testing.T) {
	var (
		g     flight.Group
		clock atomic.Int64
		done  sync.WaitGroup
		led   atomic.Int64
	)
	for range 8 {
		done.Go(func() {
			for range 500 {
				came := clock.Add(1)
				for again := false; ; again = true {
					f, ticket, lead := g.Join(context.Background(), "k", again)
					if lead {
						led.Add(1)
						go func() {
							if rand.N(4) == 0 {
								time.Sleep(rand.N(100 * time.Microsecond))
							}
							mark := f.Mark()
							read := clock.Add(1)
							if rand.N(4) == 0 {
								time.Sleep(rand.N(100 * time.Microsecond))
							}
							f.Finish(read, mark)
						}()
					}
					v, ok, err := f.Wait(context.Background(), ticket)
					if !assert.NoError(t, err) {
						return
					}
					if ok {
						assert.Greater(t, v.(int64), came)
						break
					}
					assert.False(t, again, "it went round more than twice")
				}
			}
		})
	}
	done.Wait()
	require.Positive(t, led.Load())
}

// Callers who come and go while flights open and end leave nothing behind.
func TestComingAndGoingLeavesNoFlightOpen(t *testing.T) {
	var g flight.Group
	var done, leaders sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for range 500 {
				ctx, cancel := context.WithTimeout(context.Background(), rand.N(50*time.Microsecond))
				for again := false; ; again = true {
					f, ticket, lead := g.Join(ctx, "k", again)
					if lead {
						leaders.Go(func() {
							select {
							case <-f.Context().Done():
							case <-time.After(rand.N(50 * time.Microsecond)):
							}
							f.Finish(1, f.Mark())
						})
					}
					if _, ok, err := f.Wait(ctx, ticket); ok || err != nil {
						break
					}
				}
				cancel()
			}
		})
	}
	done.Wait()
	leaders.Wait()
	_, _, lead := g.Join(context.Background(), "k", false)
	require.True(t, lead)
}
