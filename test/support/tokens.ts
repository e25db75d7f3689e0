import { SyntaxKind } from 'typescript/unstable/ast'
import { createScanner } from 'typescript/unstable/ast/scanner'

/** One token of a TypeScript source; comments and white space are left out. */
export interface Token {
  /** As it stands in the source; of a string literal, what it means. */
  text: string
  kind: 'name' | 'string' | 'template' | 'other'
  line: number
}

/**
 * The tokens of a source, by the compiler's own scanner. Its parser knows from the grammar where a regular expression
 * or the rest of a template begins; here the token before decides, which is right for all but odd code
 * (`if (a) /b/.test(c)`).
 */
export function readTokens(source: string): Token[] {
  const scanner = createScanner(true, undefined, source)
  const tokens: Token[] = []
  const braces: number[] = []
  let line = 1
  let counted = 0
  let before: SyntaxKind = SyntaxKind.Unknown
  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFile; kind = scanner.scan()) {
    if ((kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken) && !endsValue(before)) {
      kind = scanner.reScanSlashToken()
    }
    if (kind === SyntaxKind.OpenBraceToken && braces.length > 0) braces[braces.length - 1]!++
    if (kind === SyntaxKind.CloseBraceToken && braces.length > 0) {
      if (braces.at(-1) === 0) {
        kind = scanner.reScanTemplateToken(false)
        if (kind === SyntaxKind.TemplateTail) braces.pop()
      } else braces[braces.length - 1]!--
    }
    if (kind === SyntaxKind.TemplateHead) braces.push(0)
    const start = scanner.getTokenStart()
    for (; counted < start; counted++) if (source[counted] === '\n') line++
    tokens.push({ ...read(kind, scanner.getTokenText(), scanner.getTokenValue()), line })
    before = kind
  }
  return tokens
}

function read(kind: SyntaxKind, text: string, value: string): Omit<Token, 'line'> {
  if (kind === SyntaxKind.StringLiteral || kind === SyntaxKind.NoSubstitutionTemplateLiteral) {
    return { text: value, kind: 'string' }
  }
  if (
    kind === SyntaxKind.TemplateHead ||
    kind === SyntaxKind.TemplateMiddle ||
    kind === SyntaxKind.TemplateTail
  ) {
    return { text, kind: 'template' }
  }
  return { text, kind: /^[\p{ID_Start}$_]/u.test(text) ? 'name' : 'other' }
}

const VALUE_ENDS: readonly SyntaxKind[] = [
  SyntaxKind.Identifier,
  SyntaxKind.NumericLiteral,
  SyntaxKind.BigIntLiteral,
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateTail,
  SyntaxKind.RegularExpressionLiteral,
  SyntaxKind.CloseParenToken,
  SyntaxKind.CloseBracketToken,
  SyntaxKind.CloseBraceToken,
  SyntaxKind.ThisKeyword,
]

function endsValue(kind: SyntaxKind): boolean {
  return VALUE_ENDS.includes(kind)
}
