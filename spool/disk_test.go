//go:build linux

package spool_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/spool"
)

// The disk fills up under the log, is full for a while, and has room again.
func TestAFullDiskIsAnErrorAndLosesNothing(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mounting a small disk needs root: %v", err)
	}
	defer func() { require.NoError(t, syscall.Unmount(disk, 0)) }()
	dir := filepath.Join(disk, "spool")
	s := open(t, dir, spool.Options{Error: func(error) {}})

	kept := make(map[string]uint64)
	failures := 0
	fill := func(from int) {
		for i := range 200 {
			key := fmt.Sprint(from+i, strings.Repeat("x", 700))
			id, err := s.Put(key)
			if err != nil {
				require.ErrorIs(t, err, syscall.ENOSPC)
				failures++
				continue
			}
			kept[key] = id
		}
	}
	fill(1000)
	require.Positive(t, failures)
	require.Greater(t, len(kept), 50)
	require.Equal(t, kept, s.Pending(""))

	n := 0
	for key, id := range kept { // what is done with makes room once the log is written anew
		if n++; n%2 == 0 {
			s.Done(id, key)
			delete(kept, key)
		}
	}
	require.NoError(t, s.Close())
	pending, _ := reopened(t, dir)
	for key, id := range kept {
		require.Equal(t, id, pending[key])
	}
	require.NoError(t, syscall.Mount("", disk, "", syscall.MS_REMOUNT, "size=1m"))
	s = open(t, dir, spool.Options{})
	before := len(kept)
	fill(5000)
	require.Len(t, kept, before+200, "there is room again")
	require.NoError(t, s.Close())
	pending, _ = reopened(t, dir)
	for key, id := range kept {
		require.Equal(t, id, pending[key])
	}
	require.NoFileExists(t, filepath.Join(dir, "log.new"))
	_ = os.RemoveAll(dir)
}
