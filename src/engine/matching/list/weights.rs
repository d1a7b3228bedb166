//! Weights, in thousandths of a bit, as `concord bench match --fit` prints them; see docs/matching.md. Not edited by hand.

use super::assign::Rivals;
use super::model::Weights;

/// Two records of kind `company`.
pub(super) const COMPANY: Weights<'static> = Weights {
    prior: -6158,
    curves: &[
        // spelling
        &[-2089, -3004, -2662, -1755, -1697, -595, 1663, 3004, 3383, 3752],
        // words
        &[-899, -1880, -1015, 447, 1227, 656, 265, 454, 127, 617],
        // share
        &[2733, 2316, 1724, 701, 315, -356, -2045, -2509, -1781, -1097],
        // shared bits
        &[-119, -1234, -2270, -2056, 847, 2066, 1251, 1516],
        // leftover of one
        &[2050, 1444, 875, -160, -1234, -1372, -1603],
        // leftover of both
        &[2348, 1704, 1102, -866, -1194, -1384, -1710],
        // sister words
        &[-274, -89, 362],
        // rarest leftover
        &[850, 215, -436, -587, -180, -886, 1025],
        // quality
        &[-226, -232, -417, -104, 979],
        // relation
        &[-1800, -989, -355, 222, 1267, 1654],
        // legal form
        &[-536, 251, 286],
        // numbers
        &[438, -369, -395, 326],
        // first word
        &[-1176, 344, 832],
        // letters
        &[-840, -727, -141, 161, 381, -174, 569, 771],
        // acronym
        &[1, -1],
        // other name
        &[120, 0, -120],
        // namesakes
        &[3212, -1114, -1062, -1036],
        // city
        &[-333, 42, -40, -124, -16, 471],
        // state
        &[-2461, -949, 80, 1112, 2219],
        // country
        &[914, -250, -665],
        // domain
        &[-1282, -71, -138, -207, 1698],
        // telephone
        &[-1571, -515, -677, 2764],
        // street
        &[-1782, -586, -310, 2679],
        // postal code
        &[157, 299, -457],
    ],
};

/// Such a pair among its rivals.
pub(super) const COMPANY_AMONG_RIVALS: Weights<'static> = Weights {
    prior: -260,
    curves: &[
        // evidence
        &[-10404, -6270, -2624, -2279, -2161, -71, 780, -51, 1016, 502, 2439, 6047, 6528, 6547],
        // nearer rival
        &[-7776, -2215, -690, -1276, -859, -304, 1166, 2463, 1830, 2356, 5307],
        // farther rival
        &[-1522, -873, -1006, 142, 275, -27, -1014, 65, 813, 1607, 1541],
    ],
};

/// The same with what it was fitted on.
pub(super) const COMPANY_RIVALS: Rivals<'static> = Rivals { weights: COMPANY_AMONG_RIVALS, right_share: 895 };

/// Two records of kind `goods`.
pub(super) const GOODS: Weights<'static> = Weights {
    prior: -7266,
    curves: &[
        // spelling
        &[-3409, -3275, -2723, -1922, -494, 1152, 1508, 1922, 2739, 1722, 2779],
        // words
        &[-1722, -2165, -1636, -185, -512, 456, 703, 228, 816, 2126, 1892],
        // share of the fuller
        &[458, 429, 944, 103, -384, -975, -1105, -1044, 127, 293, 1155],
        // share of the shorter
        &[-275, 24, -554, -1028, -110, -251, 154, -185, 188, 846, 1193],
        // shared bits
        &[-2172, -2013, -780, 287, 405, 1526, 1204, 1543],
        // leftover of one
        &[570, -400, -459, 767, 117, 51, -646],
        // leftover of both
        &[78, 130, -579, 73, 124, 112, 63],
        // model number
        &[-1901, -855, 1129, 1442, -1753, -1359, 3297],
        // model spelled
        &[-1358, -1105, -576, 218, 849, 1972],
        // part number
        &[-2931, -2477, 971, 33, 4404],
        // numbers in common
        &[-199, -380, 60, 519],
        // numbers against
        &[1437, 385, -770, -1052],
        // numbers of one
        &[243, -238, -228, 223],
        // editions against
        &[1801, -768, -1033],
        // editions of one
        &[1183, 74, -675, -583],
        // color
        &[-2564, 512, 2052],
        // maker
        &[-1747, 877, 870],
        // price
        &[1034, 1811, 1626, 909, -691, -1964, -2726],
        // letters
        &[1905, 1735, 771, 406, -235, -870, -1265, -1135, -1312],
        // first word
        &[39, -39],
        // description
        &[-2324, -1170, -843, -235, 1082, 407, 1511, 1571],
        // namesakes
        &[1206, -820, -195, -191],
        // slip
        &[892, 387, -420, -859],
    ],
};

/// Such a pair among its rivals.
pub(super) const GOODS_AMONG_RIVALS: Weights<'static> = Weights {
    prior: -1007,
    curves: &[
        // evidence
        &[-10130, -7464, -4120, -3443, -627, -650, 1074, 1655, 2131, 2736, 4254, 4496, 5065, 5023],
        // nearer rival
        &[-5490, -3054, -2407, -1632, -867, -326, 1383, 1458, 3291, 3831, 3812],
        // farther rival
        &[-3702, -2133, -295, 1074, 1874, 481, 1324, 845, 1334, -42, -759],
    ],
};

/// The same with what it was fitted on.
pub(super) const GOODS_RIVALS: Rivals<'static> = Rivals { weights: GOODS_AMONG_RIVALS, right_share: 722 };

/// Two records of kind `licenses`.
pub(super) const LICENSES: Weights<'static> = Weights {
    prior: -10834,
    curves: &[
        // spelling
        &[-2219, -854, 342, -108, 788, 2050],
        // words
        &[-1391, -912, -540, 842, 1083, 918],
        // letters
        &[8, 118, -483, -630, -284, 1271],
        // share of the fuller
        &[217, 344, 616, -43, -578, -556],
        // share of the shorter
        &[-577, -531, 31, 107, 166, 804],
        // shared bits
        &[-322, -110, 712, 374, -655],
        // leftover of one
        &[436, 438, 163, -8, -1028],
        // leftover of both
        &[576, -17, -124, -200, -234],
        // editions of one
        &[173, 123, -296],
        // editions against
        &[345, -345],
        // plan
        &[-1181, 46, 669, 466],
        // segment
        &[-2057, -1578, 1496, 2138],
        // qualifiers
        &[917, -610, -307],
        // numbers
        &[-1926, -390, 1415, 901],
        // term
        &[-4987, -2111, 719, 2346, 4032],
        // vendor
        &[167, 192, -359],
        // renamed
        &[-180, -100, 279],
        // same facts
        &[-1599, 1599],
        // price
        &[2078, 916, 964, -436, -1614, -1907],
        // namesakes
        &[635, -322, -314],
    ],
};

/// Such a pair among its rivals.
pub(super) const LICENSES_AMONG_RIVALS: Weights<'static> = Weights {
    prior: 66,
    curves: &[
        // evidence
        &[-4167, -4069, -2214, -2284, -1863, -715, 1353, 2473, 2156, 2131, 2000, 1827, 1714, 1659],
        // nearer rival
        &[-8047, -3657, -2554, 292, -914, -262, 873, 748, 2806, 5293, 5421],
        // farther rival
        &[-2374, -1625, -429, -542, 977, 630, 1035, 479, 415, 133, 1301],
    ],
};

/// The same with what it was fitted on.
pub(super) const LICENSES_RIVALS: Rivals<'static> = Rivals { weights: LICENSES_AMONG_RIVALS, right_share: 873 };
