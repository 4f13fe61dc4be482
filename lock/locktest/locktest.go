// Package locktest is the contract of locks as tests, whatever service gives them. [Run] runs them against a real one.
package locktest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/lock"
)

// Locker is what [lock.Locker] and [lock.Keeper] have in common.
type Locker interface {
	Lock(ctx context.Context, key string, opts ...lock.Option) (*lock.Lock, error)
	TryLock(ctx context.Context, key string, opts ...lock.Option) (*lock.Lock, error)
	Do(ctx context.Context, key string, fn func(context.Context) error, opts ...lock.Option) error
	Close() error
}

// Service is a running service that gives locks.
type Service struct {
	// Open returns a Locker as another process would have it, with a client of its own, and a function that cuts that
	// off for good, as if its host had vanished: nothing arrives any more, not even the end of the connection.
	// What Open starts ends with the test. It is called concurrently.
	Open func(t *testing.T) (l Locker, cut func())

	// Evict takes the lock of key from its holder by the service, as an operator or a crash would.
	Evict func(t *testing.T, key string)

	// Stop ends the service.
	Stop func(t *testing.T)

	// TTL is the lease of the locks that Lockers of Open take without options.
	TTL time.Duration

	// Takeover is how long after a holder has vanished others get its lock at the latest. Zero: TTL.
	Takeover time.Duration
}

// patience is how long a clause waits for what must happen.
const patience = 30 * time.Second

// Run runs the contract. start starts a service that nobody else uses.
func Run(t *testing.T, start func(t *testing.T) Service) {
	t.Helper()
	s := start(t)
	if s.Takeover == 0 {
		s.Takeover = s.TTL
	}
	todo := make(chan clause)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for c := range todo {
				t.Run(c.name, func(t *testing.T) { c.check(t, s) })
			}
		})
	}
	for _, c := range clauses() {
		todo <- c
	}
	close(todo)
	all.Wait()
	t.Run("WithoutTheServiceALockIsAnErrorOfTheClient", func(t *testing.T) { withoutTheService(t, s) })
}

// atOnce is how many clauses run at a time. They wait more than they work.
const atOnce = 4

// clause is one sentence of the contract.
type clause struct {
	name  string // the claim
	check func(t *testing.T, s Service)
}

func clauses() []clause {
	return []clause{
		{"LockersExcludeOneAnotherAndFencesGrow", lockersExcludeOneAnother},
		{"NothingIsHeldTwiceOrForeverWhenManyGiveUp", manyGiveUp},
		{"KeysAreIndependent", keysAreIndependent},
		{"TryLockSaysHeldAtOnce", tryLockSaysHeldAtOnce},
		{"LockEndsWithItsContext", lockEndsWithItsContext},
		{"AWaiterGetsTheLockWhenItIsLetGo", aWaiterGetsTheLock},
		{"UnlockEndsTheContextAndMayBeRepeated", unlockMayBeRepeated},
		{"ALockStandsUntilUnlockWhenItsContextEnds", aLockStandsUntilUnlock},
		{"ALockIsRenewed", aLockIsRenewed},
		{"MaxHoldBoundsAHolder", maxHoldBoundsAHolder},
		{"DoWithinDoRunsAtOnce", doWithinDo},
		{"DoLetsGoHoweverItsFunctionEnds", doLetsGo},
		{"CloseEndsWaitingAndLeavesLocksToTheirHolders", closeEndsWaiting},
		{"AHolderIsToldThatItsLockIsGone", aHolderIsTold},
		{"AHolderThatVanishesIsToldAndReplaced", aHolderThatVanishes},
		{"AWaiterThatVanishesDoesNotStayInTheWay", aWaiterThatVanishes},
	}
}

func (s Service) open(t *testing.T) Locker { //nolint:ireturn // any of them
	t.Helper()
	l, _ := s.Open(t)
	return l
}

// take takes a lock that is let go of with the test.
func take(t *testing.T, l Locker, key string, opts ...lock.Option) *lock.Lock {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	k, err := l.Lock(ctx, key, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = k.Unlock() })
	return k
}

// result is what a call of Lock in the background returned.
type result struct {
	lock *lock.Lock
	err  error
	at   time.Time
}

func behind(ctx context.Context, l Locker, key string) <-chan result {
	c := make(chan result, 1)
	go func() {
		k, err := l.Lock(ctx, key)
		c <- result{k, err, time.Now()}
	}()
	return c
}

// soon receives from c.
func soon[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		require.FailNow(t, what+": got nothing")
		panic("unreachable")
	}
}

// witness sees whether two are inside at once, and whether fences grow.
type witness struct {
	inside, overlaps atomic.Int32

	mu sync.Mutex
	// Guarded by mu.
	last int64
	back int // fences that did not grow
	n    int
}

func (w *witness) visit(fence int64) {
	if w.inside.Add(1) != 1 {
		w.overlaps.Add(1)
	}
	defer w.inside.Add(-1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if fence <= w.last {
		w.back++
	}
	w.last = fence
	w.n++
}

func (w *witness) check(t *testing.T, least int) {
	t.Helper()
	require.Zero(t, w.overlaps.Load(), "two held it at once")
	require.Zero(t, w.back, "fences that did not grow")
	require.GreaterOrEqual(t, w.n, least, "visits")
}
