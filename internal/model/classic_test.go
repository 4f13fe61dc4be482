package model_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/model"
)

func TestTheUsualStrategiesBreakWhereTheyAreKnownTo(t *testing.T) {
	known := []struct {
		strategy string
		faults   model.Faults
		breaks   model.Checks
	}{
		{"update cache, then database", model.Rollback, model.PH},
		{"update cache, then database", 0, model.QS},
		{"update database, then cache", 0, model.QS},
		{"delete, then update", 0, model.QS},
		{"update, then delete", 0, model.QS},
		{"update, then delete", 0, model.G1},
		{"double delete, short delay", 0, model.QS},
		{"double delete, long delay", 0, model.G1},
		{"double delete, long delay", model.Crash, model.QS},
		{"events that carry values", 0, model.QS},
		{"events that delete", 0, model.QS},
		{"lock for readers", 0, model.QS},
		{"lock for all", model.Expiry, model.QS},
		{"version", model.Eviction, model.QS},
		{"version", model.Lag, model.G1},
		{"client's lease, shared flight", 0, model.G1},
		{"client's lease, shared flight", model.Zombie, model.QS},
		{"client's lease, shared flight", model.Failover, model.QS},
	}
	for _, k := range known {
		t.Run(k.strategy+", "+k.faults.String()+", "+k.breaks.String(), func(t *testing.T) {
			for _, s := range model.Classic() {
				if s.Name != k.strategy {
					continue
				}
				res := model.Run{Strategy: s, Faults: k.faults, Stop: k.breaks}.Explore()
				require.Contains(t, res.Found, k.breaks, "it holds in %d states", res.States)
				return
			}
			t.Fatal("no such strategy")
		})
	}
}
