package spool_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/spool"
)

// reopened returns what a process finds that is started after another.
func reopened(t *testing.T, dir string) (pending map[string]uint64, reports []error) {
	t.Helper()
	s, err := spool.Open(dir, spool.Options{Error: func(err error) { reports = append(reports, err) }})
	require.NoError(t, err)
	pending = s.Pending("")
	require.NoError(t, s.Close())
	return pending, reports
}

func open(t *testing.T, dir string, opts spool.Options) *spool.Spool {
	t.Helper()
	if opts.Error == nil {
		opts.Error = func(err error) { t.Errorf("reported: %v", err) }
	}
	s, err := spool.Open(dir, opts)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func enter(t *testing.T, s *spool.Spool, keys ...string) uint64 {
	t.Helper()
	id, err := s.Put(keys...)
	require.NoError(t, err)
	return id
}

func TestWhatIsPutInIsFoundByTheNextProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made", "by open")
	keys := []string{"", "a:1", "a:\n\x00\xff\"", "b:1", "ä", strings.Repeat("long", 10_000)}
	s := open(t, dir, spool.Options{})
	enter(t, s, keys...)
	want := s.Pending("")
	require.Len(t, want, len(keys))
	require.Len(t, s.Pending("a:"), 2)
	require.NoError(t, s.Close())
	pending, reports := reopened(t, dir)
	require.Equal(t, want, pending)
	require.Empty(t, reports)
}

func TestWhatIsDoneWithIsNotFoundAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	id := enter(t, s, "a", "b", "c")
	s.Done(id, "b", "unknown")
	require.NoError(t, s.Close())
	pending, _ := reopened(t, dir)
	require.Equal(t, map[string]uint64{"a": id, "c": id}, pending)
}

// A key that is put in again while an earlier attempt is under way is not done with when that ends.
func TestAnEarlierAttemptDoesNotEndALaterEntry(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	first := enter(t, s, "a")
	second := enter(t, s, "a")
	require.Greater(t, second, first)
	s.Done(first, "a")
	require.Equal(t, map[string]uint64{"a": second}, s.Pending(""))
	require.NoError(t, s.Close())
	pending, _ := reopened(t, dir)
	require.Equal(t, map[string]uint64{"a": second}, pending)
}

func TestNumbersGoOnAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	first := enter(t, s, "a")
	require.NoError(t, s.Close())
	s = open(t, dir, spool.Options{})
	require.Greater(t, enter(t, s, "a"), first)
}

func TestTheLogIsEmptiedWhenAllIsDone(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	for i := range 100 {
		key := fmt.Sprint(i)
		s.Done(enter(t, s, key), key)
	}
	require.Zero(t, size(t, dir))
}

func size(t *testing.T, dir string) int64 {
	t.Helper()
	info, err := os.Stat(filepath.Join(dir, "log"))
	require.NoError(t, err)
	return info.Size()
}

func TestTheLogIsWrittenAnewWhenItHasGrownAndNotMuchIsLeft(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{MaxBytes: 4000})
	stays := enter(t, s, "stays")
	for i := range 1000 {
		key := fmt.Sprint("goes", i)
		s.Done(enter(t, s, key), key)
		require.LessOrEqual(t, size(t, dir), int64(4100)) // dones are short of it by themselves
	}
	require.NoError(t, s.Close())
	pending, _ := reopened(t, dir)
	require.Equal(t, map[string]uint64{"stays": stays}, pending)
}

func TestAFullSpoolSaysSoAndLosesNothing(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{MaxBytes: 1000})
	kept := make(map[string]uint64)
	for i := range 100 {
		key := fmt.Sprint(i)
		id, err := s.Put(key)
		if err == nil {
			kept[key] = id
			continue
		}
		require.ErrorIs(t, err, spool.ErrFull)
	}
	require.Greater(t, len(kept), 20)
	require.Less(t, len(kept), 100)
	require.NoError(t, s.Close())
	pending, _ := reopened(t, dir)
	require.Equal(t, kept, pending)

	s = open(t, dir, spool.Options{MaxBytes: 1000})
	for key, id := range kept {
		s.Done(id, key)
	}
	enter(t, s, "there is room again")
}

// Each prefix of the log is what a crash may have left. What was acknowledged before it is found, and later entries
// are not harmed by the torn one.
func TestATornLastLineIsTolerated(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	enter(t, s, "first")
	first := size(t, dir)
	enter(t, s, "second")
	require.NoError(t, s.Close())
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	require.NoError(t, err)
	for cut := first; cut <= int64(len(text)); cut++ {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "log"), text[:cut], 0o600))
		s := open(t, dir, spool.Options{})
		want := []string{"first"}
		if cut == int64(len(text)) {
			want = append(want, "second")
		}
		enter(t, s, "third")
		require.NoError(t, s.Close())
		pending, reports := reopened(t, dir)
		require.Empty(t, reports)
		require.Len(t, pending, len(want)+1, "cut at %d", cut)
		for _, key := range append(want, "third") {
			require.Contains(t, pending, key)
		}
	}
}

func TestADamagedLineIsReportedAndHarmsNoOther(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	for _, key := range []string{"first", "second", "third"} {
		enter(t, s, key)
	}
	require.NoError(t, s.Close())
	path := filepath.Join(dir, "log")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	at := bytes.Index(text, []byte("second"))
	for _, b := range []byte{'X', '\n'} {
		damaged := bytes.Clone(text)
		damaged[at] = b
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		pending, reports := reopened(t, dir)
		require.Len(t, reports, 1)
		require.ErrorContains(t, reports[0], "damaged")
		require.Len(t, pending, 2)
		require.Contains(t, pending, "first")
		require.Contains(t, pending, "third")
	}
}

func TestADirectoryHasOneProcess(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	_, err := spool.Open(dir, spool.Options{})
	require.ErrorIs(t, err, spool.ErrLocked)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	open(t, dir, spool.Options{})
}

func TestAClosedSpoolTakesNothing(t *testing.T) {
	s := open(t, t.TempDir(), spool.Options{})
	id := enter(t, s, "a")
	require.NoError(t, s.Close())
	_, err := s.Put("b")
	require.ErrorIs(t, err, spool.ErrClosed)
	s.Done(id, "a") // does nothing
}

func TestADirectoryThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := spool.Open(filepath.Join(file, "dir"), spool.Options{})
	require.Error(t, err)
}

func TestManyMayPutAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, spool.Options{})
	var writers sync.WaitGroup
	for w := range 16 {
		writers.Go(func() {
			for i := range 50 {
				stays, goes := fmt.Sprint("stays", w, "-", i), fmt.Sprint("goes", w, "-", i)
				id, err := s.Put(stays, goes, "shared")
				if err != nil {
					t.Errorf("Put: %v", err)
				}
				s.Done(id, goes)
			}
		})
	}
	writers.Wait()
	require.NoError(t, s.Close())
	pending, _ := reopened(t, dir)
	require.Len(t, pending, 16*50+1)
}
