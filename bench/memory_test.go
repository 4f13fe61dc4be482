package bench_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARecordTakes48BytesBesidesKeyAndPayload(t *testing.T) {
	r := newRig(t)
	ids, plain := r.fill(t, 1000)
	_, err := r.cache.GetMany(t.Context(), ids)
	require.NoError(t, err)
	used := func(pattern string) (bytes int64, stored int) {
		keys, err := r.client.Keys(t.Context(), pattern).Result()
		require.NoError(t, err)
		for _, key := range keys {
			n, err := r.client.MemoryUsage(t.Context(), key).Result()
			require.NoError(t, err)
			bytes += n - int64(len(key))
		}
		return bytes, len(keys)
	}
	ours, n := used("p:*")
	require.Equal(t, len(ids), n)
	theirs, n := used("plain:*")
	require.Equal(t, len(plain), n)
	over := float64(ours-theirs) / float64(n)
	t.Logf("%.1f bytes more than the same payload under SET", over)
	require.LessOrEqual(t, over, 48.0)
}
