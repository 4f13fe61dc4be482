package cdc_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/cdc"
)

var update = flag.Bool("update", false, "write what the vectors mean now; read it before you keep it")

// vector is a line of testdata/*.jsonl: a message. Those of debezium-*.jsonl were captured by the tests of
// internal/integration; the others are written after the documentation of each format.
type vector struct {
	Topic   string            `json:"topic"`
	Headers map[string]string `json:"headers"`
	Key     json.RawMessage   `json:"key"`
	Value   json.RawMessage   `json:"value"`
}

func (v vector) message() invalidation.Message {
	m := invalidation.Message{Topic: v.Topic, Key: v.Key, Value: v.Value}
	for _, name := range slices.Sorted(maps.Keys(v.Headers)) {
		m.Headers = append(m.Headers, invalidation.Header{Name: name, Value: []byte(v.Headers[name])})
	}
	return m
}

func vectors(tb testing.TB, file string) []vector {
	tb.Helper()
	b, err := os.ReadFile(file)
	require.NoError(tb, err)
	var all []vector
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var v vector
		require.NoError(tb, json.Unmarshal(lines.Bytes(), &v), "%s", lines.Text())
		all = append(all, v)
	}
	require.NoError(tb, lines.Err())
	return all
}

// pair is the text of a composite key.
func pair(values []string) string { return values[0] + "/" + values[1] }

// mapping is that of the vectors.
func mapping(report func(cdc.Incomplete)) cdc.Mapping {
	m := cdc.Mapping{Report: report}
	person := func(name string) cdc.Table {
		return cdc.Table{Name: name, Keys: []cdc.Key{
			{Cache: "user", Columns: []string{"id"}},
			{Cache: "email", Columns: []string{"email"}},
		}}
	}
	for _, db := range []string{"public", "cachet", "shop", "inventory"} {
		whole := person(db + ".whole")
		whole.Full = true
		m.Tables = append(
			m.Tables, whole, person(db+".plain"), person(db+".users"), person(db+".customers"),
			cdc.Table{Name: db + ".pairs", Keys: []cdc.Key{{Cache: "pair", Columns: []string{"tenant", "code"}, Text: pair}}},
			cdc.Table{Name: db + ".prices", Keys: []cdc.Key{{Cache: "price", Columns: []string{"amount"}}}},
			cdc.Table{Name: db + ".large", Keys: []cdc.Key{
				{Cache: "large", Columns: []string{"id"}}, {Cache: "body", Columns: []string{"body"}},
			}},
		)
	}
	return m
}

func TestVectorsMeanWhatTheirFilesSay(t *testing.T) {
	files, err := filepath.Glob("testdata/*.jsonl")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 10)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			got := explain(t, file)
			want := strings.TrimSuffix(file, ".jsonl") + ".want"
			if *update {
				require.NoError(t, os.WriteFile(want, []byte(got), 0o600))
			}
			b, err := os.ReadFile(want)
			require.NoError(t, err)
			assert.Equal(t, string(b), got)
		})
	}
}

// decoderOf returns the decoder for a file of vectors.
func decoderOf(tb testing.TB, file string, report func(cdc.Incomplete)) *cdc.Decoder {
	tb.Helper()
	of := cdc.Debezium
	switch name := filepath.Base(file); {
	case strings.HasPrefix(name, "canal"), strings.HasPrefix(name, "ticdc"):
		of = cdc.Canal
	case strings.HasPrefix(name, "maxwell"):
		of = cdc.Maxwell
	case strings.Contains(name, "-unwrapped"), strings.Contains(name, "-rewritten"):
		of = cdc.Unwrapped
	}
	d, err := of(mapping(report))
	require.NoError(tb, err)
	return d
}

// explain returns what the vectors of a file mean.
func explain(t *testing.T, file string) string {
	t.Helper()
	var out strings.Builder
	d := decoderOf(t, file, func(i cdc.Incomplete) {
		side := "new"
		if i.Old {
			side = "old"
		}
		fmt.Fprintf(&out, "    ? %s %s: %s is %s\n", side, i.Cache, i.Column, i.State)
	})
	for i, v := range vectors(t, file) {
		m := v.message()
		fmt.Fprintf(&out, "%d. %s\n", i+1, v.Topic)
		changes, err := d.Changes(m)
		for _, c := range changes {
			fmt.Fprintf(&out, "    %s %s|%s|%s", c.Op, c.DB, c.Schema, c.Table)
			writeRow(&out, "key", c.Key)
			writeRow(&out, "before", c.Before)
			writeRow(&out, "after", c.After)
			if !c.Time.IsZero() {
				fmt.Fprintf(&out, " at %d", c.Time.UnixMilli())
			}
			out.WriteString("\n")
		}
		events, derr := d.Decode(m)
		assert.Equal(t, err, derr)
		if err != nil {
			require.ErrorIs(t, err, invalidation.ErrMalformed)
			fmt.Fprintf(&out, "    ! %v\n", err)
		}
		for _, e := range events {
			require.NoError(t, e.Validate())
			for i, key := range e.Keys {
				e.Keys[i] = short(key)
			}
			op := "delete"
			if e.Op == invalidation.Clear {
				op = "clear"
			}
			fmt.Fprintf(&out, "    > %s %s\n", op, strings.Join(e.Keys, " "))
		}
	}
	fmt.Fprintf(&out, "%+v\n", d.Stats())
	return out.String()
}

func short(text string) string {
	if len(text) > 40 {
		return fmt.Sprintf("%s... %d", text[:8], len(text))
	}
	return text
}

func writeRow(out *strings.Builder, name string, r cdc.Row) {
	if r.IsZero() {
		return
	}
	fmt.Fprintf(out, " %s{", name)
	sep := ""
	for column, v := range r.Columns() {
		text := fmt.Sprintf("<%s>", v.State)
		if v.State == cdc.Known {
			text = v.Text
		}
		fmt.Fprintf(out, "%s%s=%s", sep, column, short(text))
		sep = ", "
	}
	out.WriteString("}")
}
