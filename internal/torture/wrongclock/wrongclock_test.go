package wrongclock_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/internal/torture/wrongclock"
)

func TestAServersClockIsSetWhileItRuns(t *testing.T) {
	clock, err := wrongclock.New(t.TempDir())
	require.NoError(t, err)
	defer clock.Close()
	server := redistest.StartIn(t, clock.Environment())
	for _, off := range []time.Duration{0, 5 * time.Second, -5 * time.Second, time.Hour} {
		require.NoError(t, clock.Set(off))
		parts, _ := server.Do("time").([]any)
		require.Len(t, parts, 2)
		sec, err := strconv.ParseInt(parts[0].(string), 10, 64)
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(off), time.Unix(sec, 0), 2*time.Second)
	}
}
