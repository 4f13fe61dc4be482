package outbox

import (
	"context"
	"sync"
)

// sieve publishes rows one by one, to find those that the publisher refuses while it takes others. It goes through many
// first keys at once, for a publisher may try until its time is over: the keys of a partition without a leader
// would leave no time for the others.
type sieve struct {
	*relay

	mu       sync.Mutex
	taken    []row     // guarded by mu
	refused  []refusal // guarded by mu
	hopeless int       // guarded by mu: of those refused, those that always will be
}

// sieveWidth is how many calls are under way at once, and how many may fail before one succeeds.
const sieveWidth = 64

// sift publishes rows, those about one first key in order, until their time is over or nothing seems to be taken. Those
// that it does not come to are in neither list.
func (r *relay) sift(ctx context.Context, rows []row) *sieve {
	s := &sieve{relay: r}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	var keys []string
	lanes := make(map[string][]row)
	for _, next := range rows {
		key := next.event.Keys[0]
		if len(lanes[key]) == 0 {
			keys = append(keys, key)
		}
		lanes[key] = append(lanes[key], next)
	}
	width := make(chan struct{}, sieveWidth)
	var calls sync.WaitGroup
	for _, key := range keys {
		width <- struct{}{}
		calls.Go(func() {
			defer func() { <-width }()
			for _, next := range lanes[key] {
				if ctx.Err() != nil || s.vain() {
					return
				}
				s.note(next, r.send(ctx, next))
			}
		})
	}
	calls.Wait()
	return s
}

func (s *sieve) note(next row, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.taken = append(s.taken, next)
		return
	}
	s.refused = append(s.refused, refusal{next, err})
	if hopeless(err) {
		s.hopeless++
	}
}

// vain reports whether it is rather the publisher that fails.
func (s *sieve) vain() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.taken) == 0 && len(s.refused)-s.hopeless >= sieveWidth
}

// verdict returns which rows are to be parked, if the publisher has taken others, and why not, if it has not.
func (s *sieve) verdict() (refused []refusal, err error) {
	if len(s.taken) > 0 {
		return s.refused, nil
	}
	for _, next := range s.refused {
		if hopeless(next.err) {
			refused = append(refused, next)
		} else if err == nil {
			err = next.err
		}
	}
	return refused, err
}
