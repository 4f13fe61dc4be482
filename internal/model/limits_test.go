package model_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/model"
)

// What is not promised does happen: the limits are stated no wider than they are.
func TestWhatIsNotPromisedHappens(t *testing.T) {
	limits := []struct {
		strategy model.Strategy
		faults   model.Faults
		breaks   model.Checks
	}{
		{model.Aside(), 0, model.LC},
		{model.Aside(), 0, model.MR},
		{model.Aside(), model.Crash, model.QS},
		{model.Aside(), model.Failover, model.G1},
		{model.Aside(), model.Failover, model.QS},
		{model.Aside(), model.Lag, model.G1},
		{model.Aside(), model.Lag, model.QS},
		{model.Fenced(), model.Eviction, model.LC},
		{model.Fenced(), model.FenceExpiry, model.LC},
		{model.Fenced(), model.Errors, model.LC},
		{model.Fenced(), model.Crash | model.Eviction, model.QS},
		{model.Fenced(), model.Crash | model.FenceExpiry, model.QS},
		{model.Fenced(), model.Crash | model.Errors, model.QS},
		{model.Fenced(), model.Crash | model.Failover, model.QS},
		{model.Fenced(), model.Eviction | model.Failover, model.G1},
		{model.Fenced(), model.FenceExpiry | model.Failover, model.G1},
		{model.Fenced(), model.Failover, model.LC},
		{model.Lagging(), model.Lag, model.G1},
		{model.Lagging(), model.Lag | model.Eviction, model.QS},
		{model.Outbox(), model.Failover, model.QS},
	}
	for _, l := range limits {
		t.Run(l.strategy.Name+", "+l.faults.String()+", "+l.breaks.String(), func(t *testing.T) {
			res := model.Run{Strategy: l.strategy, Faults: l.faults, Stop: l.breaks}.Explore()
			require.Contains(t, res.Found, l.breaks, "it holds in %d states", res.States)
			steps := res.Found[l.breaks]
			t.Logf("%s breaks in %d steps; %d states:\n%s", l.breaks, len(steps), res.States, told(steps))
		})
	}
}
