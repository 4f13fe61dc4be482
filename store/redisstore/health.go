package redisstore

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/sony/gobreaker/v2"
)

// ErrUnavailable is returned by operations of the read path while the server is not asked, because it failed
// several times in a row. A PING finds out when it is back.
var ErrUnavailable = errors.New("redisstore: the server fails and is not asked for now")

const (
	// strikes is how many failures in a row it takes.
	strikes = 5
	// pause is the time between two PINGs.
	pause = 50 * time.Millisecond
)

// health keeps the read path from waiting for a server that does not answer. A server in good health costs an
// atomic load and a place in a channel; the circuit breaker, with its mutex and clock, is asked once an operation
// has failed. While it is open a goroutine looks after the server, so that no reader has to.
type health struct {
	reach
	breaker  *gobreaker.TwoStepCircuitBreaker[any]
	ping     func(context.Context) error
	vet      func(context.Context) error
	vetted   atomic.Bool // the server was seen to be one to read from
	suspect  atomic.Bool // it was not yet, or something failed and it is not over
	doubting atomic.Bool // a PING is under way
	// away is closed while the breaker is not.
	away atomic.Pointer[chan struct{}]
	// places bounds the operations under way to the connections that the client has. Who waits here can be told
	// that the server has failed; who waits in the client's pool would wait for its time-out.
	places  chan struct{}
	batched atomic.Int64 // operations under way that need no place
	dog     watchdog

	ctx  context.Context //nolint:containedctx // the life of the goroutines that ping
	stop context.CancelFunc

	mu      sync.Mutex
	closed  bool           // guarded by mu
	pinging sync.WaitGroup // grows under mu, and not once closed
}

func newHealth(connections int, dial, ping, vet func(context.Context) error) *health {
	h := &health{reach: reach{dial: dial}, ping: ping, vet: vet, places: make(chan struct{}, connections)}
	h.dog = watchdog{busy: h.busy, bark: h.doubt}
	h.suspect.Store(true)
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.renew()
	h.breaker = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Timeout:     pause,
		ReadyToTrip: func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= strikes },
		OnStateChange: func(_ string, from, to gobreaker.State) { // under the breaker's mutex
			switch {
			case from == gobreaker.StateClosed:
				h.start(h.await, func() { close(*h.away.Load()) })
			case to == gobreaker.StateClosed:
				h.renew()
			}
		},
	})
	return h
}

func (h *health) renew() {
	away := make(chan struct{})
	h.away.Store(&away)
}

func (h *health) busy() bool { return len(h.places) > 0 || h.batched.Load() > 0 }

// await pings the server until it answers.
func (h *health) await() {
	defer h.end()
	for h.breaker.State() != gobreaker.StateClosed {
		listens := h.look(h.ctx)
		select {
		case <-time.After(pause):
		case <-h.ctx.Done():
			return
		}
		if !listens {
			continue
		}
		if done, err := h.breaker.Allow(); err == nil {
			done(h.ping(h.ctx))
		}
	}
	h.suspect.Store(!h.vetted.Load())
}

// start runs f in a goroutine that close waits for, after what comes first, unless h is closed. It reports whether it
// did.
func (h *health) start(f, first func()) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	first()
	h.pinging.Go(f)
	return true
}

// close ends the goroutines that ping. From then on the server is always asked.
func (h *health) close() {
	if h != nil {
		h.mu.Lock()
		h.closed = true
		h.mu.Unlock()
		h.stop()
		h.pinging.Wait()
		h.renew()
	}
}

// refuses returns ErrUnavailable if the server is not to be asked for now, or ErrReplica.
func (h *health) refuses(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err // of no importance for the server's health
	}
	if h.suspect.Load() {
		select {
		case <-*h.away.Load():
			return ErrUnavailable
		default:
		}
		if err := h.meet(ctx); err != nil {
			return err
		}
	}
	return nil
}

// enter waits for a place. It returns ErrUnavailable if the server is not to be asked.
func (h *health) enter(ctx context.Context) error {
	if h == nil {
		return nil
	}
	if err := h.refuses(ctx); err != nil {
		return err
	}
	select {
	case h.places <- struct{}{}:
		h.dog.wake()
		return nil
	default:
	}
	select {
	case h.places <- struct{}{}:
		h.dog.wake()
		return nil
	case <-*h.away.Load():
		return ErrUnavailable
	case <-ctx.Done():
		return ctx.Err()
	}
}

// meet vets the server, until it has passed once. That it cannot be reached counts like any other failure.
func (h *health) meet(ctx context.Context) error {
	if h.vetted.Load() {
		return nil
	}
	err := h.vet(ctx)
	switch {
	case err == nil:
		h.vetted.Store(true)
	case !errors.Is(err, ErrReplica) && ctx.Err() == nil:
		h.record(err)
		h.doubt()
	}
	return err
}

// leave tells how it went. That the caller's time was over says nothing about the server, but where it is so for
// every caller nothing else would: a PING has to find out.
func (h *health) leave(ctx context.Context, err error) {
	if h == nil {
		return
	}
	<-h.places
	switch {
	case errors.Is(err, context.Canceled): // by the caller: no answer
	case !fails(err):
		h.well()
	case errors.Is(ctx.Err(), context.Canceled):
	case over(ctx):
		h.doubt()
	default:
		h.suspect.Store(true)
		h.record(err)
		h.doubt()
	}
}

// join is enter for an operation that needs no place. Then part is to be told how it went.
func (h *health) join(ctx context.Context) error {
	if err := h.refuses(ctx); err != nil {
		return err
	}
	h.batched.Add(1)
	h.dog.wake()
	return nil
}

func (h *health) part(err error) {
	h.batched.Add(-1)
	switch {
	case errors.Is(err, context.Canceled): // by the caller: no answer
	case fails(err):
		h.doubt()
	default:
		h.well()
	}
}

// well counts a success, where there is something for it to make good.
func (h *health) well() {
	h.dog.calm()
	if h.suspect.Load() {
		h.record(nil)
		h.suspect.Store(!h.vetted.Load() || h.breaker.State() != gobreaker.StateClosed)
	}
}

// over reports whether ctx's time is over, or so nearly that a connection with the same deadline may have noticed
// first.
func over(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ok && time.Until(end) < 5*time.Millisecond
}

// record counts a success or a failure, unless the server has been given up already.
func (h *health) record(err error) {
	if h.breaker.State() != gobreaker.StateClosed {
		return
	}
	if done, refused := h.breaker.Allow(); refused == nil {
		done(err)
	}
}

// doubt dials and pings the server, unless somebody does. If there is no answer the breaker opens. The client would
// take the better part of a second to find out that nobody listens, for it dials five times.
func (h *health) doubt() {
	if h == nil || !h.doubting.CompareAndSwap(false, true) {
		return
	}
	started := h.start(func() {
		defer h.doubting.Store(false)
		h.dog.alive.Store(false)
		err := h.dial(h.ctx)
		if err == nil {
			err = h.ping(h.ctx)
		}
		if !fails(err) || h.dog.alive.Load() { // it answers others: this machine, or that one, is busy
			return
		}
		h.suspect.Store(true)
		for range strikes {
			h.record(err)
		}
	}, func() { h.suspect.Store(true) })
	if !started {
		h.doubting.Store(false)
	}
}

// fails reports whether err says that the server cannot be worked with, rather than that it did not like a command
// or that the caller has left.
func fails(err error) bool {
	if err == nil || errors.Is(err, redis.Nil) || errors.Is(err, context.Canceled) {
		return false
	}
	if _, told := errors.AsType[redis.Error](err); !told {
		return true
	}
	for _, state := range []string{"LOADING", "MASTERDOWN", "CLUSTERDOWN", "READONLY", "NOAUTH", "NOPERM", "BUSY"} {
		if redis.HasErrorPrefix(err, state) {
			return true
		}
	}
	return false
}

// hungUp reports whether err says that the connection was closed while it was idle, by a server that may be well.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
