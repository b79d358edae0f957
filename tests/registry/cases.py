"""Eligibility texts in the manner of the registry, and what a person who reads them expects of the import.

The wording is invented. Each expectation was worked out from the text and the language before the import saw it: a line
a characteristic, ``text`` where no rule may decide, with the reason beside it where it is not plain.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class Case(NamedTuple):
    """A text with the fields beside it, the lines expected, and texts that some characteristics must have."""

    name: str
    text: str
    expected: str
    fields: Mapping[str, Any] = MappingProxyType({})
    texts: Mapping[str, str] = MappingProxyType({})


CASES = [
    Case(
        "escaped signs, nested numbers, and what the list of a group says",
        """Inclusion Criteria:

1. Men and women aged 18 to 70 years, inclusive
2. Diagnosis of rheumatoid arthritis (RA)
3. At least 2 of the following:

   1. C-reactive protein (CRP) \\>= 10 mg/L
   2. ESR \\>= 28 mm/h
   3. DAS28-ESR \\> 3.2
4. Platelets \\> 100 x 10\\^9/L
5. Stable dose of methotrexate for at least 4 weeks\\*

Exclusion Criteria:

1. Pregnant or breastfeeding women
2. ALT or AST \\> 2.5 x upper limit of normal (ULN)
3. Live vaccine within 4 weeks prior to screening
4. Participation in another interventional trial within 30 days before enrolment
5. Any other condition that, in the opinion of the investigator, makes participation unsafe""",
        """
        R1 age 18..75 a
        I1 age 18..70 a
        I2 Condition rheumatoid-arthritis
        I3 at-least 2
          I3.1 crp >= 10 mg/L
          I3.2 esr >= 28 mm/h
          I3.3 das28-esr > 3.2 {score}
        I4 platelets > 100 10*9/L
        I5 text
        E1 all-of
          E1.a any-of
            E1.a.a block not-of-childbearing-potential
            E1.a.b not any-of
              E1.a.b.a Condition pregnancy [screening 0 d]
              E1.a.b.b hcg positive
          E1.b any-of
            E1.b.a sex male
            E1.b.b not Condition lactation [screening 0 d]
        E2 not any-of
          E2.a alt > 2.5 UNL
          E2.b ast > 2.5 UNL
        E3 not Immunization live-vaccine [screening -4 wk]
        E4 not ResearchSubject [enrolment -30 d]
        E5 not judgement investigator
        """,
        {"minimumAge": "18 Years", "maximumAge": "75 Years"},
        {"I4": "Platelets > 100 x 10^9/L", "I5": "Stable dose of methotrexate for at least 4 weeks*"},
    ),
    Case(
        "cohorts by letter: what one of them asks is not asked of the other",
        """Inclusion Criteria (all participants):

* Signed informed consent

Inclusion Criteria for Part A:

* Age 18 to 45 years
* Healthy

Inclusion Criteria for Part B:

* Age 18 to 75 years
* SLEDAI-2K score of 8 or more

Exclusion Criteria:

* Known HIV infection

Exclusion Criteria for Part B:

* Hemoglobin \\< 8 g/dL""",
        """
        I1 judgement consent
        E1 not Condition hiv
        cohorts any-of
          part-a all-of
            part-a.I1 age 18..45 a
            part-a.I2 text
          part-b all-of
            part-b.I1 age 18..75 a
            part-b.I2 sledai-2k >= 8 {score}
            part-b.E1 not hemoglobin < 8 g/dL
        """,
    ),
    Case(
        "cohorts by disease, named a little differently among the exclusions",
        """INCLUSION CRITERIA

For refractory SLE:

- SELENA-SLEDAI score >= 8

For refractory systemic sclerosis:

- LVEF ≥ 45%

EXCLUSION CRITERIA for refractory systemic lupus erythematosus (SLE):

- Creatinine > 2 × ULN

EXCLUSION CRITERIA for drug-induced lupus:

- Hemoglobin < 8 g/dL""",
        # The last heading is of no cohort above: to whom it applies is for a person to say. That a patient has the
        # disease of a cohort stands in its heading only.
        """
        E1 not any-of
          E1.1 text
        cohorts any-of
          sle all-of
            sle.I1 text
            sle.I2 selena-sledai >= 8 {score}
            sle.E1 not creatinine > 2 UNL
          systemic-sclerosis all-of
            systemic-sclerosis.I1 text
            systemic-sclerosis.I2 lvef >= 45 %
        """,
        {},
        {"E1": "EXCLUSION CRITERIA for drug-induced lupus:", "sle.I1": "For refractory SLE:"},
    ),
    Case(
        "headings of cohorts that say more than a letter: what more they ask is for a person",
        """Inclusion Criteria for Part A (healthy volunteers):

* Age 18 to 45 years

Inclusion Criteria for Part B (patients with SLE):

* SLEDAI-2K ≥ 6

Exclusion Criteria:

Part A: nobody who smokes

* HIV positive""",
        """
        I1 all-of
          I1.1 text
        I2 all-of
          I2.1 text
        E1 not text
        """,
    ),
    Case(
        "a cohort that asks nothing of its own is none",
        """Inclusion criteria for Part A:

* HIV negative

Inclusion criteria for Part B:

Exclusion criteria:

* HBsAg positive""",
        # With one cohort left there is none: what Part A asks is for a person to read.
        """
        I1 all-of
          I1.1 text
        E1 not hbsag positive
        """,
        {},
        {"I1": "Inclusion criteria for Part A:"},
    ),
    Case(
        "a cohort under which there is but a lead-in is none either",
        """Inclusion criteria:

Part A:

* HIV negative

Part B:

Participants must meet all of the following criteria:

Part A:

* HBsAg negative""",
        """
        I1 text
        I2 text
        I3 text
        """,
        {},
        {"I1": "Part A:\n  * HIV negative", "I2": "Part B:"},
    ),
    Case(
        "inclusions only",
        """Inclusion Criteria:

• ECOG performance status 0 or 1
• Haemoglobin at least 90 g/L without transfusion
• Total bilirubin no more than 1.5 times the upper limit of normal""",
        """
        I1 ecog <= 1 {score}
        I2 text
        I3 bilirubin <= 1.5 UNL
        """,
    ),
    Case(
        "no headings: nobody says which are inclusions",
        """Adults with psoriasis.

Age 18 to 65 years.

Pregnancy.""",
        """
        R1 sex female
        C1 text
        C2 text
        C3 text
        """,
        {"sex": "FEMALE"},
    ),
    Case(
        "headings and criteria in one line",
        "Criteria: Inclusion Criteria: Age 18-65 years. Exclusion Criteria: Positive HIV test.",
        """
        I1 age 18..65 a
        E1 not hiv-test positive
        """,
    ),
    Case(
        "the sentences of the common protocol template, topics, and numbers that go on",
        """Inclusion Criteria:

Participants are eligible to be included in the study only if all of the following criteria apply:

Age

1. Participant must be ≥ 18 years of age, at the time of signing the informed consent.

Type of Participant and Disease Characteristics

2. Documented diagnosis of systemic lupus erythematosus (SLE)
3. Moderately active disease

Exclusion Criteria:

Participants are excluded from the study if any of the following criteria apply:

Laboratory

1. eGFR <30 mL/min/1.73 m2
2. QTc > 470 ms; or > 480 ms in participants with bundle branch block""",
        """
        I1 all-of
          I1.1 age >= 18 a
        I2 all-of
          I2.1 Condition sle
          I2.2 text
        E1 not any-of
          E1.1 egfr-NOT-crcl < 30 mL/min/{1.73_m2}
          E1.2 text
        """,
        {},
        {"I2.1": "2. Documented diagnosis of systemic lupus erythematosus (SLE)"},
    ),
    Case(
        "a heading that limits what follows, and one that does not say how it is combined",
        """Inclusion Criteria:

* Any of the following:
  * RA
  * ANA antibody positive
* For women of childbearing potential:
  * HBsAg negative
* Disease activity:
  * CRP ≥ 5 mg/L
  * ESR ≥ 20 mm/h

Exclusion Criteria:

* Suffered from any of the following heart diseases:
  * Myocardial infarction
* Any of the following:
  * HIV positive
  * Active tuberculosis""",
        """
        I1 any-of
          I1.1 Condition rheumatoid-arthritis
          I1.2 ana positive
        I2 text
        I3 text
        E1 not text
        E2 not any-of
          E2.1 hiv-test positive
          E2.2 Condition tuberculosis-active [screening 0 d]
        """,
        {},
        {"I3": "Disease activity:\n  * CRP ≥ 5 mg/L\n  * ESR ≥ 20 mm/h"},
    ),
    Case(
        "or between two criteria of a list, and a lead-in whose list is beside it",
        """Key Inclusion Criteria:

1. Creatinine ≤ 1.5 mg/dL; or
2. Creatinine clearance ≥ 60 mL/min
3. INR ≤ 1.5
4. One of the following:
5. HBsAg negative
6. HIV negative

Key Exclusion Criteria:

1. HIV positive, or
2. HBsAg positive; and
3. HBV DNA positive
4. Prior treatment with rituximab""",
        # 1 or 2 is one criterion; 5 and 6 may be what 4 leads in. Among exclusions a list means "or", not "and".
        """
        I1 text
        I2 inr <= 1.5 1
        I3 text
        I4 text
        I5 text
        E1 not hiv-test positive
        E2 not text
        E3 not MedicationRequest rituximab
        """,
        {},
        {"I1": "1. Creatinine ≤ 1.5 mg/dL; or\n2. Creatinine clearance ≥ 60 mL/min", "I2": "3. INR ≤ 1.5"},
    ),
    Case(
        "criteria that refer to others, and notes, leave nothing certain",
        """Inclusion Criteria:

1. ALT ≤ 3 × ULN
2. AST ≤ 3 × ULN
3. Meeting either criterion 1 or 2 is sufficient

Exclusion Criteria:

* Platelets < 50 × 10^9/L
* Note: participants with liver disease are allowed
* Known cirrhosis""",
        """
        I1 text
        I2 text
        I3 text
        E1 not text
        E2 not text
        E3 not Condition cirrhosis
        """,
    ),
    Case(
        "adequate organ function, and limits that are not certain",
        """Inclusion Criteria:

1. Adequate organ and marrow function, defined as follows:
   a) Absolute neutrophil count ≥ 1,500/µL
   b) Platelet count ≥ 100,000/mm3
   c) Neutrophils ≥ 1 × 109/L
   d) Hemoglobin ≥ 9
   e) AST/ALT ≤ 2.5 × ULN (≤ 5 × ULN with liver metastases)
   f) Creatinine ≤ 133 µmol/L
   g) ALT ≤ 3 × ULN unless due to myositis
   h) SLEDAI ≥ 6
   i) eGFR ≥ 60 mL/min""",
        # c lost its caret, d its unit, e has two limits, g an exception, h no version, i no body surface
        """
        I1 all-of
          I1.1 neutrophils >= 1500 /uL
          I1.2 platelets >= 100000 /uL
          I1.3 text
          I1.4 text
          I1.5 text
          I1.6 creatinine <= 133 umol/L
          I1.7 text
          I1.8 text
          I1.9 text
        """,
    ),
    Case(
        "what a person answers",
        """Inclusion criteria

- Able and willing to provide written informed consent
- Willing and able to comply with study visits and the protocol
- Agrees to use effective contraception throughout the study
- Agrees to use effective contraception until 6 months after the last dose
- Life expectancy of at least 3 months
- Life expectancy of at least 12 months

Non-inclusion criteria

- Inability to give informed consent
- Any condition which in the investigator's opinion could interfere with the study
- Any arrhythmia which in the investigator's opinion could interfere with the study""",
        """
        I1 judgement consent
        I2 judgement adherence
        I3 judgement contraception
        I4 text
        I5 judgement prognosis
        I6 text
        E1 judgement consent
        E2 not judgement investigator
        E3 not text
        """,
    ),
    Case(
        "plain lines without bullets may be halves of sentences; lines that go on belong together",
        """Inclusion Criteria:

Platelets ≥ 100 × 10^9/L
Unless transfused.

* Serum creatinine
  ≤ 1.5 mg/dL
* Hemoglobin ≥ 9 g/dL
unless on iron

Exclusion Criteria:
* History of stroke
* Stroke""",
        # A stroke of which no history is asked for may have to be a current one.
        """
        I1 text
        I2 text
        I3 creatinine <= 1.5 mg/dL
        I4 text
        E1 not Condition stroke
        E2 not text
        """,
        {},
        {"I4": "Hemoglobin ≥ 9 g/dL unless on iron"},
    ),
    Case(
        "ages in several units, and of infants",
        "Inclusion Criteria:\n\n* Age over 2 years\n* No history of epilepsy",
        """
        R1 age >= 6 mo
        R2 age <= 17 a
        R3 sex male
        R4 text
        I1 text
        I2 not Condition epilepsy
        """,
        {"minimumAge": "6 Months", "maximumAge": "17 Years", "sex": "MALE", "genderDescription": "Boys as registered"},
    ),
    Case(
        "only fields",
        "   ",
        "R1 age >= 18 a",
        {"minimumAge": "18 Years", "maximumAge": "N/A"},
    ),
]
