package model_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/model"
)

func TestEveryRuleOfTheProtocolIsNeeded(t *testing.T) {
	for _, a := range model.Ablations() {
		t.Run(a.Rule, func(t *testing.T) {
			run := a.Run
			run.Stop = a.Breaks
			res := run.Explore()
			steps, broken := res.Found[a.Breaks]
			require.True(t, broken, "%s holds in %d states", a.Breaks, res.States)
			t.Logf("%s breaks in %d steps; %d states:\n%s", a.Breaks, len(steps), res.States, told(steps))
		})
	}
}
