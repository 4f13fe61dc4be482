package spool_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/spool"
)

// Whatever the log holds, it can be opened and written to, and what is written is found again.
func FuzzReplay(f *testing.F) {
	dir := f.TempDir()
	s, err := spool.Open(dir, spool.Options{})
	require.NoError(f, err)
	id, err := s.Put("a", "b")
	require.NoError(f, err)
	s.Done(id, "a")
	require.NoError(f, s.Close())
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	require.NoError(f, err)
	for _, seed := range [][]byte{nil, text, text[:len(text)-3], append([]byte("x\n\n"), text...), []byte("00000000 + 1 \"\"\n")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "log"), text, 0o600))
		quiet := spool.Options{Error: func(error) {}}
		s, err := spool.Open(dir, quiet)
		require.NoError(t, err)
		found := s.Pending("")
		id, err := s.Put("new")
		require.NoError(t, err)
		require.NoError(t, s.Close())
		s, err = spool.Open(dir, spool.Options{Error: func(err error) { t.Errorf("reported: %v", err) }})
		require.NoError(t, err)
		found["new"] = id
		require.Equal(t, found, s.Pending(""))
		require.NoError(t, s.Close())
	})
}
