package storetest

import (
	"context"
	"errors"
	"time"

	"github.com/cachet-go/cachet/store"
)

// contextClauses are about requests whose caller has gone, which stand for all that cannot be answered.
func contextClauses() []clause {
	return []clause{
		{"ADoneContextIsAnErrorAndNotAnAnswer", doneContext},
		{"AnErrorNamesItsKeysOrMeansAll", func(s *subject) {
			ctx, cancel := context.WithCancel(s.Context())
			cancel()
			keys := []string{s.key("a"), s.key("b")}
			named := new(store.KeysError)
			if err := s.Store.Invalidate(ctx, keys...); errors.As(err, &named) && len(named.Keys) != len(keys) {
				s.Errorf("Invalidate: got an error for %q, want one for %q", named.Keys, keys)
			}
		}},
	}
}

func doneContext(s *subject) {
	held := s.value(s.key("value"), "v")
	missing, fence := s.key("missing"), s.key("fence")
	s.fence(1, time.Minute, fence)
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	fails := func(op string, err error) {
		s.Helper()
		if !errors.Is(err, context.Canceled) {
			s.Errorf("%s with a cancelled context: got %v", op, err)
		}
	}
	rec, err := s.Get(ctx, held.Key)
	fails("Get", err)
	if rec.Kind != store.Missing {
		s.Errorf("Get with a cancelled context: got kind %d", rec.Kind)
	}
	recs, err := s.GetMany(ctx, []string{held.Key, missing})
	fails("GetMany", err)
	if len(recs) != 2 || recs[0].Kind != store.Missing || recs[1].Kind != store.Missing {
		s.Errorf("GetMany with a cancelled context: got %+v, want both as missing", recs)
	}
	grants := s.Lease(ctx, store.Ask{Key: missing}, store.Ask{Key: held.Key})
	if len(grants) != 2 {
		s.Fatalf("Lease with a cancelled context: got %d grants, want 2", len(grants))
	}
	for _, g := range grants {
		fails("Lease", g.Err)
		if g.Granted() || !g.Stamp.IsZero() || g.Record.Kind != store.Missing {
			s.Errorf("Lease with a cancelled context: got %+v, want nothing but the error", g)
		}
	}
	verdicts := s.Fill(ctx, store.Fill{Held: held, Payload: []byte("w"), TTL: time.Minute})
	if len(verdicts) != 1 || verdicts[0].Accepted {
		s.Fatalf("Fill with a cancelled context: got %+v, want one that was not accepted", verdicts)
	}
	fails("Fill", verdicts[0].Err)
	fails("Renew", s.Renew(ctx, held))
	fails("Release", s.Release(ctx, false, held))
	fails("Invalidate", s.Store.Invalidate(ctx, held.Key))
	fails("Fence", s.Fence(ctx, 1, time.Minute, held.Key))
	fails("Lift", s.Lift(ctx, 1, 0, held.Key))
}
