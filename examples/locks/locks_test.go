// Package locks_test builds and runs the examples: each ends with an exit status that tells whether it was right.
package locks_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheExamplesAreRight(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil && os.Getenv("CI") == "" {
		t.Skip("redis-server is not installed")
	}
	dir := t.TempDir()
	out, err := exec.Command("go", "build", "-o", dir+"/", "./...").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, name := range []string{"stock", "coupons", "job", "idempotency", "debounce"} {
		t.Run(name, func(t *testing.T) {
			out, err := exec.Command(filepath.Join(dir, name)).CombinedOutput()
			t.Logf("%s", out)
			require.NoError(t, err)
		})
	}
}
