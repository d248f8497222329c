//! The modelling language, as `OpenFGAParser.g4` of openfga/language has it.

use super::lexer::{Lexer, Token};
use super::raw::{
    ModelError, Place, Raw, RawCondition, RawRelation, RawRestriction, RawRewrite, RawType, Word,
};
use std::sync::Arc;

/// How deep parentheses may nest.
const DEEPEST: u32 = 20;

/// Words that cannot be names.
const RESERVED: &[&str] = &["and", "or", "but", "from", "with", "define", "relations", "condition"];

/// Reads a text; `file` is named in errors.
pub(crate) fn read(text: &str, file: Option<Arc<str>>) -> Result<Raw, ModelError> {
    let mut lexer = Lexer::new(text, file);
    let ahead = lexer.next()?;
    Parser { lexer, ahead }.main()
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    ahead: (Token, Place),
}

impl Parser<'_> {
    fn fail<T>(&self, why: impl Into<String>) -> Result<T, ModelError> {
        Err(ModelError::at(&self.ahead.1, why))
    }

    fn advance(&mut self) -> Result<(Token, Place), ModelError> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.ahead, next))
    }

    fn newlines(&mut self) -> Result<(), ModelError> {
        while self.ahead.0 == Token::Newline {
            self.advance()?;
        }
        Ok(())
    }

    fn is(&self, word: &str) -> bool {
        matches!(&self.ahead.0, Token::Word(w) if w == word)
    }

    fn eat(&mut self, word: &str) -> Result<bool, ModelError> {
        let found = self.is(word);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn eat_mark(&mut self, mark: char) -> Result<bool, ModelError> {
        let found = self.ahead.0 == Token::Mark(mark);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn mark(&mut self, mark: char, before: &str) -> Result<(), ModelError> {
        if self.eat_mark(mark)? { Ok(()) } else { self.fail(format!("`{mark}` is missing before {before}")) }
    }

    /// A name that is no reserved word.
    fn name(&mut self, what: &str) -> Result<Word, ModelError> {
        match &self.ahead.0 {
            Token::Word(w) if RESERVED.contains(&w.as_str()) => {
                self.fail(format!("{what} is missing: `{w}` is a word of the language"))
            }
            Token::Word(w) if w.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') => {
                let text = w.clone();
                let (_, at) = self.advance()?;
                Ok(Word { text, at })
            }
            _ => self.fail(format!("{what} is missing: it begins with a letter")),
        }
    }

    fn main(mut self) -> Result<Raw, ModelError> {
        self.newlines()?;
        let at = self.ahead.1.clone();
        let mut module = None;
        let schema = if self.eat("model")? {
            self.newlines()?;
            self.schema()?
        } else if self.eat("module")? {
            module = Some(self.name("the module's name")?);
            self.line_end("the module's name")?;
            Word { text: "1.2".to_owned(), at }
        } else {
            return self
                .fail("a model begins with `model` and `schema 1.1`, a module with `module` and its name");
        };
        let mut raw = Raw { schema, module, types: Vec::new(), conditions: Vec::new() };
        loop {
            self.newlines()?;
            if self.ahead.0 == Token::End {
                return Ok(raw);
            }
            self.item(&mut raw)?;
        }
    }

    fn schema(&mut self) -> Result<Word, ModelError> {
        if !self.eat("schema")? {
            return self.fail("`schema 1.1` is missing");
        }
        match self.advance()? {
            (Token::Word(text), at) => Ok(Word { text, at }),
            (_, at) => Err(ModelError::at(&at, "the schema's version is missing: write `schema 1.1`")),
        }
    }

    fn item(&mut self, raw: &mut Raw) -> Result<(), ModelError> {
        if self.eat("condition")? {
            raw.conditions.push(self.condition()?);
            return Ok(());
        }
        if self.is("extend") && raw.module.is_none() {
            return self.fail("only a module extends types: begin with `module` and its name");
        }
        let extends = self.eat("extend")?;
        if !self.eat("type")? {
            return self.fail("`type`, `extend type` or `condition` is missing");
        }
        let name = self.name("the type's name")?;
        if extends && raw.types.iter().any(|t| t.extends && t.name.text == name.text) {
            let why = format!("`{}` is extended twice in this file: put both into one", name.text);
            return Err(ModelError::at(&name.at, why));
        }
        self.line_end("the type's name")?;
        self.newlines()?;
        let mut relations = Vec::new();
        if self.eat("relations")? {
            self.newlines()?;
            while self.eat("define")? {
                relations.push(self.relation()?);
                self.newlines()?;
            }
            if relations.is_empty() {
                return self.fail("`relations` is followed by `define NAME: …`");
            }
        }
        raw.types.push(RawType { name, extends, relations });
        Ok(())
    }

    fn line_end(&self, after: &str) -> Result<(), ModelError> {
        match &self.ahead.0 {
            Token::Newline | Token::End => Ok(()),
            _ => self.fail(format!("nothing may follow {after} on its line")),
        }
    }

    fn relation(&mut self) -> Result<RawRelation, ModelError> {
        let name = self.name("the relation's name")?;
        self.mark(':', "what defines it")?;
        let mut direct = Vec::new();
        let rewrite = self.rewrite(&mut direct, true, 0)?;
        self.line_end("a definition")?;
        Ok(RawRelation { name, rewrite, direct })
    }

    /// One operand, and more of them joined by one and the same word.
    fn rewrite(
        &mut self,
        direct: &mut Vec<RawRestriction>,
        first: bool,
        depth: u32,
    ) -> Result<RawRewrite, ModelError> {
        let base = self.operand(direct, first, depth)?;
        let Some(word) = ["or", "and", "but"].into_iter().find(|w| self.is(w)) else { return Ok(base) };
        let mut operands = vec![base];
        while self.eat(word)? {
            if word == "but" && !self.eat("not")? {
                return self.fail("`not` is missing after `but`");
            }
            operands.push(self.operand(direct, false, depth)?);
            if word == "but" {
                break;
            }
        }
        if let Some(other) = ["or", "and", "but"].into_iter().find(|w| self.is(w)) {
            return self.fail(format!(
                "`{other}` cannot follow without parentheses: write `(a {word} …) {other} …`"
            ));
        }
        Ok(match word {
            "or" => RawRewrite::Union(operands),
            "and" => RawRewrite::Intersection(operands),
            _ => {
                let mut both = operands.into_iter();
                match (both.next(), both.next()) {
                    (Some(base), Some(less)) => RawRewrite::Exclusion(Box::new(base), Box::new(less)),
                    _ => return self.fail("`but not` has two sides"),
                }
            }
        })
    }

    fn operand(
        &mut self,
        direct: &mut Vec<RawRestriction>,
        first: bool,
        depth: u32,
    ) -> Result<RawRewrite, ModelError> {
        if depth > DEEPEST {
            return self.fail(format!("parentheses may be {DEEPEST} deep"));
        }
        if self.eat_mark('(')? {
            let inner = self.rewrite(direct, first, depth + 1)?;
            self.mark(')', "what follows")?;
            return Ok(inner);
        }
        if self.ahead.0 == Token::Mark('[') {
            if !first {
                return self.fail("types in `[…]` stand at the beginning of a definition");
            }
            *direct = self.restrictions()?;
            return Ok(RawRewrite::Direct);
        }
        let relation = self.name("a relation, or types in `[…]`,")?;
        if self.eat("from")? {
            return Ok(RawRewrite::From(relation, self.name("the relation that leads there")?));
        }
        Ok(RawRewrite::Computed(relation))
    }

    fn restrictions(&mut self) -> Result<Vec<RawRestriction>, ModelError> {
        self.mark('[', "the types")?;
        let mut all = Vec::new();
        loop {
            self.newlines()?;
            all.push(self.restriction()?);
            self.newlines()?;
            if !self.eat_mark(',')? {
                break;
            }
        }
        self.mark(']', "what follows the types")?;
        Ok(all)
    }

    fn restriction(&mut self) -> Result<RawRestriction, ModelError> {
        let kind = self.name("a type")?;
        let (mut relation, mut everybody) = (None, false);
        if self.eat_mark(':')? {
            self.mark('*', "`,` or `]`")?;
            everybody = true;
        } else if self.eat_mark('#')? {
            relation = Some(self.name("the userset's relation")?);
        }
        let condition = if self.eat("with")? { Some(self.name("the condition's name")?) } else { None };
        Ok(RawRestriction { kind, relation, everybody, condition })
    }

    fn condition(&mut self) -> Result<RawCondition, ModelError> {
        let name = self.name("the condition's name")?;
        self.mark('(', "the parameters")?;
        let mut parameters = Vec::new();
        loop {
            self.newlines()?;
            let parameter = self.name("a parameter's name")?;
            self.mark(':', "the parameter's type")?;
            parameters.push((parameter, self.parameter_type()?));
            self.newlines()?;
            if !self.eat_mark(',')? {
                break;
            }
        }
        self.mark(')', "the expression")?;
        if self.ahead.0 != Token::Mark('{') {
            return self.fail("`{` is missing before the expression");
        }
        let (body, at) = self.lexer.body()?;
        self.ahead = self.lexer.next()?;
        Ok(RawCondition { name, parameters, expression: Word { text: body.trim().to_owned(), at } })
    }

    fn parameter_type(&mut self) -> Result<Word, ModelError> {
        let mut word = self.name("the parameter's type")?;
        if self.eat_mark('<')? {
            let of = self.name("the type within `<…>`")?;
            self.mark('>', "what follows the type")?;
            word.text = format!("{}<{}>", word.text, of.text);
        }
        Ok(word)
    }
}
