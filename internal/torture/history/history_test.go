package history_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/torture/history"
	"github.com/cachet-go/cachet/internal/torture/source"
)

// one is the history of one key: version 2 is committed from 100 to 110, and acknowledged at 200.
func one(reads ...history.Read) *history.History {
	h := history.New(1)
	h.Keys[0] = history.Key{
		Reads:   reads,
		Writes:  []history.Write{{Start: 50, End: 200, Version: 2}, {Start: 50, End: 90, Version: 9, Outcome: history.NotWritten}},
		Commits: []source.Commit{{Version: 2, Begin: 100, End: 110}},
	}
	return h
}

func read(start, end int64, version uint32) history.Read {
	return history.Read{Start: start, End: end, Version: version}
}

func TestWhatAHistoryProves(t *testing.T) {
	for name, c := range map[string]struct {
		reads   []history.Read
		windows []history.Window
		want    history.Verdict
	}{
		"nothing is wrong": {reads: []history.Read{read(10, 99, 1), read(10, 106, 2), read(105, 300, 1), read(300, 301, 2)}},
		"a read while the acknowledgement is under way": {
			reads: []history.Read{read(200, 300, 1)}, want: history.Verdict{Inverted: 1},
		},
		"a read after the acknowledgement": {
			reads: []history.Read{read(201, 300, 1)}, want: history.Verdict{Stale: 1, Inverted: 1},
		},
		"what was acknowledged has been lost": {
			reads:   []history.Read{read(201, 300, 1)},
			windows: []history.Window{{From: 199, Lost: 250, To: 260, Until: 400}},
			want:    history.Verdict{Forgiven: 1, Inverted: 1},
		},
		"the read ended before that": {
			reads:   []history.Read{read(201, 249, 1)},
			windows: []history.Window{{From: 199, Lost: 250, To: 260, Until: 400}},
			want:    history.Verdict{Stale: 1, Inverted: 1},
		},
		"it was acknowledged before what was lost": {
			reads:   []history.Read{read(201, 300, 1)},
			windows: []history.Window{{From: 200, Lost: 250, To: 260, Until: 400}},
			want:    history.Verdict{Stale: 1, Inverted: 1},
		},
		"every copy should have ended": {
			reads:   []history.Read{read(401, 402, 1)},
			windows: []history.Window{{From: 199, Lost: 250, To: 260, Until: 400}},
			want:    history.Verdict{Stale: 1, Inverted: 1},
		},
		"a version that was rolled back": {
			reads: []history.Read{read(60, 80, 9)}, want: history.Verdict{Phantoms: 1},
		},
		"a version before its commit": {
			reads: []history.Read{read(60, 99, 2)}, want: history.Verdict{Phantoms: 1},
		},
		"new, and then old": {
			reads: []history.Read{read(90, 102, 2), read(103, 104, 1)}, want: history.Verdict{Inverted: 1},
		},
		"new and old at once": {reads: []history.Read{read(90, 102, 2), read(102, 104, 1)}},
	} {
		t.Run(name, func(t *testing.T) {
			h := one(c.reads...)
			got := h.Check(0, 1, c.windows)
			assert.EqualValues(t, len(c.reads), got.Reads)
			found := []*history.Finding{got.FirstStale, got.FirstPhantom, got.FirstInverted}
			for i, n := range []int64{got.Stale, got.Phantoms, got.Inverted} {
				assert.Equal(t, n > 0, found[i] != nil)
			}
			want := history.Verdict{
				Reads: got.Reads, Stale: c.want.Stale, Forgiven: c.want.Forgiven, Phantoms: c.want.Phantoms, Inverted: c.want.Inverted,
				Oldest: got.Oldest, TheOldest: got.TheOldest,
				FirstStale: got.FirstStale, FirstPhantom: got.FirstPhantom, FirstInverted: got.FirstInverted,
			}
			assert.Equal(t, want, got)
		})
	}
}

func TestPorcupineComesToTheSameVerdict(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	good := one(read(10, 99, 1), read(10, 106, 2), read(105, 300, 1), read(300, 301, 2))
	v := good.Check(0, 1, nil)
	good.Prove(&v, dice, 0, 1, 20)
	assert.Equal(t, 20, v.Proved)
	assert.Zero(t, v.Refuted)
	bad := one(read(103, 104, 2), read(105, 106, 1))
	v = bad.Check(0, 1, nil)
	bad.Prove(&v, dice, 0, 1, 20)
	assert.Equal(t, 20, v.Refuted)
}

func TestAReadTellsForHowLongItsVersionHadBeenSuperseded(t *testing.T) {
	v := one(read(150, 160, 1), read(300, 310, 1), read(290, 310, 2)).Check(0, 1, nil)
	assert.EqualValues(t, 190, v.Oldest)
	assert.Equal(t, read(300, 310, 1), v.TheOldest.Read)
}

func TestWhatIsReportedIsCollected(t *testing.T) {
	var pipe bytes.Buffer
	r := history.NewReporter(&pipe)
	r.Reads(history.GetMany, 5, []int{0, 2}, []uint32{7, 300})
	r.Write(1, 3, 9, history.NotInvalidated)
	r.Error("a failure")
	r.Tally(history.Tally{Hits: 4})
	r.Flush()
	whole := bytes.Clone(pipe.Bytes())
	h := history.New(3)
	require.NoError(t, h.Collect(6, &pipe))
	got := h.Keys[2].Reads[0]
	assert.Greater(t, got.End, got.Start)
	got.End = 0
	assert.Equal(t, history.Read{Start: 5, Version: 300, Process: 6, How: history.GetMany}, got)
	assert.EqualValues(t, 7, h.Keys[0].Reads[0].Version)
	assert.Equal(t, history.NotInvalidated, h.Keys[1].Writes[0].Outcome)
	assert.Equal(t, []string{"a failure"}, h.Errors)
	assert.Equal(t, history.Tally{Reads: 2, Batches: 1, Writes: 1, Unconfirmed: 1, ReadErrors: 1, Hits: 4}, h.Counts())

	for n := range whole { // a process that is killed leaves half a report
		require.NoError(t, history.New(3).Collect(6, bytes.NewReader(whole[:n])))
	}
	require.Error(t, history.New(3).Collect(6, bytes.NewReader([]byte("?"))))
}

func TestThePrintedHistoryMarksTheFinding(t *testing.T) {
	h := one(read(10, 20, 1), read(201, 300, 1))
	v := h.Check(0, 1, nil)
	var out bytes.Buffer
	h.Print(&out, v.FirstStale, 0, []history.Event{{At: 150, What: "*** FLUSHALL"}})
	assert.Contains(t, out.String(), "commit of version 2")
	assert.Contains(t, out.String(), "*** FLUSHALL")
	assert.Contains(t, out.String(), "Get by 0 returns version 1 at   0.000000s   <--")
}
