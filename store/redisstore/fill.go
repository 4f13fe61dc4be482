package redisstore

import (
	"context"

	"github.com/cachet-go/cachet/internal/record"
	"github.com/cachet-go/cachet/store"
)

// Fill stores values by their leases.
func (s *Store) Fill(ctx context.Context, fills ...store.Fill) []store.Verdict {
	calls := make([]call, len(fills))
	for i, f := range fills {
		rec := record.AppendValue(make([]byte, 0, record.ValueHeader+record.MaxCodec+len(f.Payload)), f)
		calls[i] = call{key: f.Key, args: []any{stampArg(f.Stamp), micros(f.TTL), rec}, size: len(rec)}
	}
	verdicts := make([]store.Verdict, len(fills))
	for i, cmd := range s.run(ctx, fillScript, calls) {
		accepted, err := cmd.Int64()
		verdicts[i] = store.Verdict{Accepted: accepted == 1, Err: err}
	}
	return verdicts
}
