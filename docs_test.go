package cachet_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A race that names a test which has gone is a promise that nobody keeps.
func TestEveryTestNamedInTheDocsExists(t *testing.T) {
	var code strings.Builder
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "*/*/*_test.go", "*/*/*/*_test.go", "store/storetest/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			code.Write(text)
		}
	}
	docs, err := filepath.Glob("docs/*.md")
	require.NoError(t, err)
	for _, doc := range docs {
		text, err := os.ReadFile(doc)
		require.NoError(t, err)
		for _, name := range regexp.MustCompile("`Test\\w+`").FindAllString(string(text), -1) {
			has := strings.Contains(code.String(), "func "+strings.Trim(name, "`")+"(")
			require.True(t, has, "%s names %s", doc, name)
		}
		for _, name := range regexp.MustCompile("`storetest/\\w+`").FindAllString(string(text), -1) {
			claim := strings.TrimPrefix(strings.Trim(name, "`"), "storetest/")
			has := strings.Contains(code.String(), strconv.Quote(claim))
			require.True(t, has, "%s names %s", doc, name)
		}
	}
}
