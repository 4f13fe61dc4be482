package redisstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/internal/record"
	"github.com/cachet-go/cachet/store"
)

// maxMicros bounds the times that scripts are given, far below what a Lua number holds exactly.
const maxMicros = 1 << 51

// Lease asks for leases.
func (s *Store) Lease(ctx context.Context, asks ...store.Ask) []store.Grant {
	calls := make([]call, len(asks))
	for i, a := range asks {
		nonce := binary.BigEndian.AppendUint64(nil, drawNonce())
		args := []any{int(a.Mode), nonce, stampArg(a.Over), claimUnits(a.Hold), s.term(a.Term)}
		calls[i] = call{key: a.Key, args: args}
	}
	grants := make([]store.Grant, len(asks))
	for i, cmd := range s.run(ctx, leaseScript, calls) {
		grants[i] = grant(cmd)
	}
	return grants
}

// drawNonce names one request. It is drawn for each, not for each client or by counting, since a name that comes
// again would let the holder of a lost lease fill by somebody else's.
func drawNonce() uint64 {
	for {
		if n := rand.Uint64(); n != 0 { //nolint:gosec // it must be unique and need not be secret
			return n
		}
	}
}

// claimUnits rounds a claim's time up to what a record can express.
func claimUnits(d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return min(int64((d-1)/record.ClaimUnit)+1, math.MaxUint16)
}

// grant reads the reply of the script.
func grant(cmd *redis.Cmd) store.Grant {
	reply, err := cmd.Slice()
	if err != nil {
		return store.Grant{Err: err}
	}
	if len(reply) != 4 {
		return unexpected(reply)
	}
	kind, isKind := reply[0].(string)
	data, isData := reply[1].(string)
	left, isLeft := reply[2].(int64)
	if !isKind || !isData || !isLeft {
		return unexpected(reply)
	}
	g := store.Grant{Lease: time.Duration(left) * time.Millisecond, OnProbation: reply[3] == int64(1)}
	switch kind {
	case "":
		g.Stamp = record.Stamp(shared(data))
	case "V":
		g.Kind, g.Record = store.Value, record.Parse(shared(data))
	case "L":
		g.Kind = store.Lease
	case "F":
		g.Kind = store.Fence
	default:
		return unexpected(reply)
	}
	return g
}

func unexpected(reply []any) store.Grant {
	return store.Grant{Err: fmt.Errorf("redisstore: unexpected reply to a request for a lease: %q", reply)}
}

// term is how long a lease lasts, in ms.
func (s *Store) term(wanted time.Duration) int64 { return max(s.lease, wanted).Milliseconds() }

// Renew lets leases last for another full term from now.
func (s *Store) Renew(ctx context.Context, held ...store.Held) error {
	calls := make([]call, len(held))
	for i, h := range held {
		calls[i] = call{key: h.Key, args: []any{stampArg(h.Stamp), s.term(h.Term)}}
	}
	return s.each(ctx, renewScript, calls)
}

// Release gives leases back unfilled.
func (s *Store) Release(ctx context.Context, failed bool, held ...store.Held) error {
	calls := make([]call, len(held))
	for i, h := range held {
		calls[i] = call{key: h.Key, args: []any{stampArg(h.Stamp), failed, s.lease.Milliseconds()}}
	}
	return s.each(ctx, releaseScript, calls)
}
