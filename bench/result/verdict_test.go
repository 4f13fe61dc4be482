package result_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/bench/result"
)

func run(values map[string]float64, failed string) *result.Run {
	return &result.Run{Measurements: []result.Measurement{{
		Scenario: result.Stampede, Case: "load of 20 ms", Library: result.Ours, Values: values, Failed: failed,
	}}}
}

func TestARunHoldsIfWhatWasMeasuredKeepsItsBounds(t *testing.T) {
	table, ok := run(map[string]float64{"loads_max": 1, "p99_ms": 39}, "").Verdict()
	require.True(t, ok, table)
	require.Contains(t, table, "holds")
	require.Contains(t, table, "not measured")
}

func TestARunFailsByOneFigure(t *testing.T) {
	table, ok := run(map[string]float64{"loads_max": 2, "p99_ms": 39}, "").Verdict()
	require.False(t, ok, table)
	require.Contains(t, table, "FAILS")
}

func TestARunFailsIfOursCouldNotBeMeasured(t *testing.T) {
	table, ok := run(nil, "it died").Verdict()
	require.False(t, ok, table)
	require.Contains(t, table, "could not be measured")
}

func TestATableShowsWhatFailedInPlaceOfFigures(t *testing.T) {
	require.Contains(t, run(nil, "the process died: panic:\n a|b").Markdown(), "*the process died: panic: a/b*")
}

func TestNumbersHaveTheDigitsThatMeanSomething(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1.046: "1.05", 12.34: "12.3", 64: "64", 123.4: "123", 1000: "1,000", 1234567: "1,234,567", -12: "-12",
	} {
		require.Equal(t, want, result.Number(v))
	}
}
